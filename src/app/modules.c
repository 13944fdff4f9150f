/* modules: the one list of what the program is made of, in the order it is opened. */
#include "app.h"

#include "domains/content/assets/assets.h"
#include "domains/content/catalog/catalog.h"
#include "domains/content/ingest/ingest.h"
#include "domains/content/playback/playback.h"

const struct module *const app_modules[] = {
    &catalog_module, &assets_module, &ingest_module, &playback_module,
    &demo_module,    &health_module, &backup_module,
};
const unsigned app_modules_count = ARRAY_LEN(app_modules);
