/*
 * The inner loop of argon2, compiled twice, and chosen by what the processor can do when it runs: what was built
 * on one machine must not end with an illegal instruction on another.
 */
#include "argon2.h"
#include "core.h"

void fill_segment_plain(const argon2_instance_t *instance, argon2_position_t position);
void fill_segment_avx2(const argon2_instance_t *instance, argon2_position_t position);

void fill_segment(const argon2_instance_t *instance, argon2_position_t position) {
    if (__builtin_cpu_supports("avx2")) {
        fill_segment_avx2(instance, position);
    } else {
        fill_segment_plain(instance, position);
    }
}
