/* castwright: argv[1] -> a command of the table. Exit codes: 0 done, 1 failed, 2 bad usage or bad input, 3 a model is missing. */
#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

const struct cli_command cli_commands[] = {
    {"make", "TOPIC", "a topic in, a finished episode out",
     "  castwright make \"Why the sea has tides\"\n"
     "  castwright make \"Bees\" --minutes 5 --cast 'Ann=bf_emma,Bob=bm_george' -o bees --play\n",
     cli_make},
    {"write", "TOPIC", "only the script, for you to edit", "  castwright write \"Why the sea has tides\" -o tides.md\n", cli_write},
    {"render", "SCRIPT", "a script in, an episode out; renders only what changed",
     "  castwright render tides.md -o tides\n"
     "  castwright render tides.md -o tides --play --flac\n"
     "  castwright render tides.md -o tides --engine mel    the fast engine; it needs: castwright models fetch hifigan\n"
     "  castwright render tides.md -o tides --engine f5     or for one of the cast: \"Tom: f5:am_michael\" in the front matter\n",
     cli_render},
    {"rewrite", "SCRIPT", "directs a script: a turn said another way, put in, or written on from",
     "  castwright rewrite tides.md --turn 12 --say \"shorter, with an example\"\n"
     "  castwright rewrite tides.md --segment 2 --say \"less certain\" --yes\n"
     "  castwright rewrite tides.md --insert 4 --speaker Maya --say \"asks what it costs\" --from prices.pdf\n",
     cli_rewrite},
    {"script-stats", "FILE...", "measures of a script: repeats, shares, sources",
     "  castwright script-stats tides.md\n  castwright script-stats --json *.md\n", cli_script_stats},
    {"say", "TEXT", "one text, one voice",
     "  castwright say \"Hello there.\" -o hello.wav\n"
     "  castwright say \"Good morning.\" --voice bf_emma --play\n"
     "  castwright say \"Hello.\" --voice ada_f5 -o ada.wav          a voice that F5-TTS is shown: castwright voices clone --help\n"
     "  castwright say \"Hello.\" --voice \"af_heart + bf_emma\" --engine mel -o a.wav    the fast engine, or: --voice mel:af_heart\n"
     "  castwright say \"Hello.\" --voice af_heart --engine f5 -o a.wav\n",
     cli_say},
    {"text", "[TEXT...|FILE]", "what would be said, line by line; standard input without a text",
     "  castwright text \"Dr. Smith paid $3.50.\"             Doctor Smith paid three dollars fifty cents.\n"
     "  castwright text --phonemes --lang en-gb notes.txt\n"
     "  castwright text --suggest notes.txt > notes.dict     then edit, and: castwright say ... --dictionary notes.dict\n"
     "  echo \"I read it.\" | castwright text --json\n",
     cli_text},
    {"play", "DIR|FILE", "plays an episode through the speakers", "  castwright play tides\n", cli_play},
    {"voices", "ACTION ...", "the voices there are; mixing, comparing, hearing and sharing them",
     "  castwright voices list [--json]\n"
     "  castwright voices list --like me.wav                    those that sound most like a recording first\n"
     "  castwright voices show am_michael\n"
     "  castwright voices audition af_heart bm_george \"am_michael*0.7 + bm_george*0.3\" -o hear.wav\n"
     "  castwright voices mix \"timbre:am_michael*0.6 + bm_george*0.4 prosody:am_puck\" --name tom\n"
     "  castwright voices map -o voices.svg                     a picture: near each other sound alike\n"
     "  castwright voices export tom -o tom.gguf\n"
     "  castwright voices import tom.gguf [--name tim]\n"
     "  castwright voices remove tom\n"
     "  castwright voices check me*.wav                         could a voice be learnt from these?\n"
     "  castwright voices script                                what to read aloud for a voice of your own\n"
     "  castwright voices clone --help                          a voice from recordings\n"
     "  castwright voices consent --help                        the statement a speaker reads aloud, and its signed record\n"
     "  castwright voices revoke ada                            her consent ends: nothing speaks with her voice any more\n"
     "  castwright voices import ada.gguf --trust KEY           a friend's voice; KEY is the fingerprint of the friend's key\n",
     cli_voices},
    {"vocode", "RECORDING", "a recording through a mel spectrogram and a neural vocoder, and back to sound",
     "  castwright models fetch hifigan               once: 18 MB, AGPL-3.0-or-later\n"
     "  castwright vocode talk.wav -o copy.wav\n"
     "  castwright vocode talk.flac -o copy.flac --vocoder my-hifigan.gguf --json\n",
     cli_vocode},
    {"models", "list|fetch|verify|import|convert", "model files: what there is, fetching, checking, bringing your own",
     "  castwright models list\n"
     "  castwright models fetch                       what an episode needs\n"
     "  castwright models fetch qwen2.5-coder-0.5b    one by name\n"
     "  castwright models verify                      every file against its sha256\n"
     "  castwright models import F5TTS_v1_Base/model_1250000.safetensors     with vocab.txt beside it: castwright say --help\n"
     "  castwright models import vocos/pytorch_model.bin      a checkpoint of your own; also HiFi-GAN (ONNX)\n"
     "  castwright models import openf5_v1_base/model.pt --licence Apache-2.0 --licence-file LICENSE.txt    what is said when it speaks\n"
     "  castwright models convert kokoro.onnx kokoro.gguf\n"
     "  castwright models convert pytorch_model.bin vocos.gguf    Kokoro, HiFi-GAN: ONNX; Vocos, F5-TTS: PyTorch, safetensors\n",
     cli_models},
    {"doctor", "", "what this machine has, and what is missing", "  castwright doctor\n", cli_doctor},
    {"bench", "", "speed of synthesis on this machine",
     "  castwright bench\n  castwright bench --json --threads 1\n  castwright bench --only speech --voice ada --against am_michael\n",
     cli_bench},
    {0},
};

static void help(FILE *to) {
    fputs("castwright " CW_VERSION ": a topic in, a finished multi-speaker podcast episode out, on your own machine\n\n"
          "usage: castwright COMMAND [ARGUMENTS]   (castwright COMMAND --help tells more)\n\n",
          to);
    for (const struct cli_command *c = cli_commands; c->name; c++)
        fprintf(to, "  %-12s %-26s %s\n", c->name, c->arguments, c->summary);
    fputs("\nexamples:\n"
          "  castwright make \"Why generative AI is expensive\" --minutes 3\n"
          "  castwright write \"Bees\" -o bees.md   # then edit bees.md\n"
          "  castwright render bees.md -o bees      # editing one line renders one line\n\n"
          "exit codes: 0 done, 1 failed, 2 bad usage or bad input, 3 a model is missing\n",
          to);
}

int main(int argc, char **argv) {
    if (argc < 2) {
        help(stderr);
        return 2;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
        help(stdout);
        return 0;
    }
    if (strcmp(argv[1], "--version") == 0) {
        puts("castwright " CW_VERSION);
        return 0;
    }
    for (const struct cli_command *c = cli_commands; c->name; c++)
        if (strcmp(c->name, argv[1]) == 0) {
            cli_catch_interrupt();
            int code = c->run(c, argc - 1, argv + 1);
            if (fflush(stdout) != 0 || ferror(stdout)) {
                fprintf(stderr, "castwright %s: error: standard output: cannot write\n", c->name);
                return code ? code : 1;
            }
            return code;
        }
    fprintf(stderr, "castwright: error: unknown command \"%s\"; expected one of:", argv[1]);
    for (const struct cli_command *c = cli_commands; c->name; c++)
        fprintf(stderr, " %s", c->name);
    fputs("\n", stderr);
    return 2;
}
