// node's ws, in one process. bench_peer_ws starts it, with the options of peer_options.h.
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { createRequire } from "node:module";
import path from "node:path";
import { parseArgs } from "node:util";

const MAX_MESSAGE = 16 << 20;

function fail(status, text) {
  console.error(`bench_peer_ws: ${text}`);
  process.exit(status);
}

function readOptions() {
  try {
    return parseArgs({
      options: {
        port: { type: "string", default: "0" },
        broadcast: { type: "boolean", default: false },
        deflate: { type: "boolean", default: false },
        cert: { type: "string" },
        key: { type: "string" },
        loops: { type: "string" },
        subscriptions: { type: "string" },
        libuv: { type: "boolean" },
      },
    }).values;
  } catch (error) {
    return fail(2, error.message);
  }
}

// The package out of WSUV_INTEROP_DIR/node_modules.
function loadWs() {
  const folder = process.env.WSUV_INTEROP_DIR ?? ".";
  try {
    return createRequire(path.resolve(folder, "package.json"))("ws");
  } catch (error) {
    return fail(1, `the package ws is not in ${folder}/node_modules (${error.code ?? error.message})`);
  }
}

const options = readOptions();
for (const name of ["loops", "subscriptions", "libuv"]) {
  if (options[name] !== undefined) {
    fail(3, `--${name}: not with this library`);
  }
}
if ((options.cert === undefined) !== (options.key === undefined)) {
  fail(2, "--cert needs --key");
}

const { WebSocketServer } = loadWs();
const server =
  options.cert === undefined
    ? createServer()
    : createTlsServer({ cert: readFileSync(options.cert), key: readFileSync(options.key) });
const clients = new WebSocketServer({
  server,
  maxPayload: MAX_MESSAGE,
  // Small messages are not compressed, as with the others that have such a limit.
  perMessageDeflate: options.deflate && {
    serverNoContextTakeover: true,
    clientNoContextTakeover: true,
    threshold: 64,
  },
});

clients.on("connection", (client) => {
  client.on("error", () => {});
  client.on("message", (data, isBinary) => {
    for (const receiver of options.broadcast ? clients.clients : [client]) {
      receiver.send(data, { binary: isBinary });
    }
  });
});
server.listen(Number(options.port), "127.0.0.1", () => {
  console.log(`listening on ${server.address().port}`);
});
