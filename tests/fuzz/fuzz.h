/* What a fuzz target is: one function, called with each input. libFuzzer calls it from its own main; replay.c from
 * one that goes through a corpus. A target that finds a fault aborts. */
#ifndef FUZZ_H
#define FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
