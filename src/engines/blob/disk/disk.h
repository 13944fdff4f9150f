/* disk: the embedded driver of blob, on a folder of this machine that belongs to this process. */
#pragma once

#include "engines/blob/driver.h"

extern const struct blob_driver blob_disk;
