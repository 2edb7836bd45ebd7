/* The small states of a connection beside its phase. */
#ifndef WSUV_API_CONN_STATE_H
#define WSUV_API_CONN_STATE_H

enum wsuv__transport { TRANSPORT_NONE, TRANSPORT_OPEN, TRANSPORT_CLOSING };
enum wsuv__flow { FLOW_ON, FLOW_OFF };      /* what the application wants */
enum wsuv__hold { HOLD_NONE, HOLD_LOOP };   /* LOOP: the deadline keeps the uv_loop_t alive */
enum wsuv__water { WATER_LOW, WATER_HIGH }; /* HIGH: on_drain is owed */
enum wsuv__handed_out { CONN_INTERNAL, CONN_HANDED_OUT }; /* HANDED_OUT: on_close is owed */

#endif
