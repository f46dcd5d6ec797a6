#include "c.h"
#include "_cgo_export.h"

#define ENTERED goEntered
#include "rests.h"
