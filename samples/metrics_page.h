/* What Prometheus and the like ask for: the numbers of a loop as OpenMetrics text. */
#ifndef SAMPLES_METRICS_PAGE_H
#define SAMPLES_METRICS_PAGE_H

#include <wsuv.h>

/* Answers the request, and keeps its connection for the next one; 405 for methods other than GET and HEAD, 500 where there is
 * no memory. All of the loop's connections are counted as one server without a name. */
void metrics_page_answer(const wsuv_loop_stats_t *stats, wsuv_upgrade_t *request);

#endif
