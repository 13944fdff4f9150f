/* module: the descriptor is all there is; this file gives the library something to hold. */
#include "module.h"

_Static_assert(ROLE_ANYONE == 0, "a route that says nothing is open to anyone");
