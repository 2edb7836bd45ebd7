/* wsuv: WebSocket (RFC 6455) on libuv. Includes all of the public API.
 *
 * wsuv/server.h, client.h, conn.h, send.h, loop.h         the libuv side
 * wsuv/upgrade.h                                          requests to a server, and their answers
 * wsuv/post.h                                             calls from other threads
 * wsuv/threads.h                                          one server on several threads
 * wsuv/adopt.h                                            on streams of the application's own
 * wsuv/drain.h                                            stopping a server without a stampede
 * wsuv/endpoint.h, event.h, handshake.h, extension.h      the sans-I/O core, usable without libuv (wsuv::core)
 * wsuv/tls.h, tls_info.h                                  TLS for wss://
 * wsuv/tls_stream.h                                       TLS alone, on any stream of libuv's
 * wsuv/deflate.h                                          permessage-deflate, an extension
 * wsuv/prepared.h, topic.h                                messages made once for many, publish and subscribe
 * wsuv/stats.h, traffic.h, metrics.h                      numbers, also as OpenMetrics text
 * wsuv/trace.h, trace_frame.h                             frames and failures, to be told or kept
 * wsuv/frame.h, frame_parser.h, message.h, heartbeat.h    its layers, each usable alone
 */
#ifndef WSUV_H
#define WSUV_H

#include "wsuv/adopt.h"
#include "wsuv/client.h"
#include "wsuv/conn.h"
#include "wsuv/deflate.h"
#include "wsuv/drain.h"
#include "wsuv/endpoint.h"
#include "wsuv/endpoint_status.h"
#include "wsuv/errno.h"
#include "wsuv/event.h"
#include "wsuv/extension.h"
#include "wsuv/frame.h"
#include "wsuv/frame_parser.h"
#include "wsuv/handshake.h"
#include "wsuv/heartbeat.h"
#include "wsuv/loop.h"
#include "wsuv/message.h"
#include "wsuv/metrics.h"
#include "wsuv/post.h"
#include "wsuv/prepared.h"
#include "wsuv/protocol.h"
#include "wsuv/send.h"
#include "wsuv/server.h"
#include "wsuv/stats.h"
#include "wsuv/threads.h"
#include "wsuv/tls.h"
#include "wsuv/tls_info.h"
#include "wsuv/tls_stream.h"
#include "wsuv/topic.h"
#include "wsuv/trace.h"
#include "wsuv/trace_frame.h"
#include "wsuv/traffic.h"
#include "wsuv/upgrade.h"
#include "wsuv/version.h"

#endif
