/* client: placeholder until the fixture is written. */
#include "client.h"
#include "foundation/test/test.h"
TEST(client_x) { CHECK(true); }
