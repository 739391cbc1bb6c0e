/* What a speaker reads aloud to enrol: two minutes, every phoneme of the front end's English, most of them several times. */
#ifndef CW_READING_H
#define CW_READING_H

enum { CW_READING = 26 };
extern const char *const cw_reading[CW_READING];

#endif
