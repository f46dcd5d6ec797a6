#include "c.h"
#include "_cgo_export.h"

__attribute__((noinline)) void c_empty(void) { __asm__ volatile(""); }
__attribute__((noinline)) void c_callback(void) { goEmpty(); }
