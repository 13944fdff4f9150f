/*
 * kb_slope: `kb_slope RESOLUTION` reads lines of "SECONDS VALUE" and says by how much the values
 * grow an hour, and whether that is more than noise (slope.h). Prints one JSON object.
 */
#include "slope.h"

#include "foundation/base/base.h"

#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    static struct sample samples[SLOPE_SAMPLES_MAX];
    unsigned count = 0;
    struct slope slope;
    char line[128];
    if (argc != 2) {
        fprintf(stderr, "kb_slope RESOLUTION\n");
        return 2;
    }
    while (fgets(line, sizeof(line), stdin)) {
        char *end;
        double at = strtod(line, &end), value = strtod(end, NULL);
        if (count == SLOPE_SAMPLES_MAX || end == line) {
            fprintf(stderr, "kb_slope: too many samples, or none in a line\n");
            return 2;
        }
        samples[count++] = (struct sample){ at, value };
    }
    if (!slope_of(samples, count, &slope)) {
        fprintf(stderr, "kb_slope: %u samples are too few\n", count);
        return 2;
    }
    printf("{\"samples\":%u,\"an_hour\":%.6g,\"growth\":%.6g,\"noise\":%.6g,\"p\":%.3g,"
           "\"grows\":%s}\n",
           count, slope.a_unit * 3600, slope.growth, slope.noise, slope.p,
           slope_grows(&slope, strtod(argv[1], NULL)) ? "true" : "false");
    return 0;
}
