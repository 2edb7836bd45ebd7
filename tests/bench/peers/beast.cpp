// Boost.Beast on Asio, as its own advanced server is written: one thread, one read or write under way in each direction, what
// waits is queued in the session. Messages leave in one frame, as they come.
#include <cstdlib>
#include <deque>
#include <functional>
#include <iostream>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/ssl.hpp>
#include <boost/beast/websocket.hpp>
#include <boost/beast/websocket/ssl.hpp>

#include "peer_options.h"

namespace beast = boost::beast;
namespace asio = boost::asio;
namespace websocket = beast::websocket;
using tcp = asio::ip::tcp;
using beast::error_code;

namespace {

peer_options_t opt;

struct message {
  bool is_text;
  std::string payload;
};

// What a publication needs of a session, whatever its transport.
class receiver {
public:
  virtual ~receiver() = default;
  virtual void send(std::shared_ptr<const message> what) = 0;
};

std::set<receiver *> receivers;

websocket::permessage_deflate compression() {
  websocket::permessage_deflate settings;
  settings.server_enable = opt.deflate != 0;
  settings.server_no_context_takeover = true;
  settings.client_no_context_takeover = true;
  return settings;
}

void shake_hands(beast::tcp_stream &, std::function<void()> then) {
  then();
}

void shake_hands(beast::ssl_stream<beast::tcp_stream> &tls, std::function<void()> then) {
  tls.async_handshake(asio::ssl::stream_base::server, [then = std::move(then)](error_code failure) {
    if (!failure) {
      then();
    }
  });
}

template <class Transport>
class session : public receiver, public std::enable_shared_from_this<session<Transport>> {
public:
  template <class... Arguments>
  explicit session(Arguments &&...arguments) : stream_(std::forward<Arguments>(arguments)...) {
  }

  ~session() override {
    receivers.erase(this);
  }

  void start() {
    beast::get_lowest_layer(stream_).socket().set_option(tcp::no_delay(true));
    shake_hands(stream_.next_layer(), [self = this->shared_from_this()] { self->accept(); });
  }

  void send(std::shared_ptr<const message> what) override {
    queue_.push_back(std::move(what));
    if (queue_.size() == 1) {
      write_first();
    }
  }

private:
  void accept() {
    stream_.set_option(websocket::stream_base::timeout::suggested(beast::role_type::server));
    stream_.set_option(compression());
    stream_.auto_fragment(false);
    stream_.read_message_max(PEER_MAX_MESSAGE);
    stream_.async_accept([self = this->shared_from_this()](error_code failure) {
      if (!failure) {
        if (opt.broadcast) {
          receivers.insert(self.get());
        }
        self->read();
      }
    });
  }

  void read() {
    stream_.async_read(buffer_, [self = this->shared_from_this()](error_code failure, std::size_t) {
      if (failure) {
        receivers.erase(self.get());
      } else if (opt.broadcast) {
        self->publish();
      } else {
        self->echo();
      }
    });
  }

  void echo() {
    stream_.text(stream_.got_text());
    stream_.async_write(buffer_.data(),
                        [self = this->shared_from_this()](error_code failure, std::size_t) {
                          self->buffer_.consume(self->buffer_.size());
                          if (!failure) {
                            self->read();
                          }
                        });
  }

  void publish() {
    auto what = std::make_shared<const message>(
        message{stream_.got_text(), beast::buffers_to_string(buffer_.data())});
    buffer_.consume(buffer_.size());
    for (receiver *each : receivers) {
      each->send(what);
    }
    read();
  }

  void write_first() {
    stream_.text(queue_.front()->is_text);
    stream_.async_write(asio::buffer(queue_.front()->payload),
                        [self = this->shared_from_this()](error_code failure, std::size_t) {
                          if (failure) {
                            receivers.erase(self.get());
                            return;
                          }
                          self->queue_.pop_front();
                          if (!self->queue_.empty()) {
                            self->write_first();
                          }
                        });
  }

  websocket::stream<Transport> stream_;
  beast::flat_buffer buffer_;
  std::deque<std::shared_ptr<const message>> queue_;
};

class listener {
public:
  explicit listener(asio::io_context &io)
      : acceptor_(io, tcp::endpoint(asio::ip::address_v4::loopback(),
                                    static_cast<unsigned short>(opt.port))) {
    if (opt.cert_file != nullptr) {
      tls_.use_certificate_chain_file(opt.cert_file);
      tls_.use_private_key_file(opt.key_file, asio::ssl::context::pem);
    }
    accept();
  }

  int port() const {
    return acceptor_.local_endpoint().port();
  }

private:
  void accept() {
    acceptor_.async_accept([this](error_code failure, tcp::socket socket) {
      if (!failure && opt.cert_file != nullptr) {
        std::make_shared<session<beast::ssl_stream<beast::tcp_stream>>>(std::move(socket), tls_)
            ->start();
      } else if (!failure) {
        std::make_shared<session<beast::tcp_stream>>(std::move(socket))->start();
      }
      accept();
    });
  }

  tcp::acceptor acceptor_;
  asio::ssl::context tls_{asio::ssl::context::tls_server};
};

} // namespace

int main(int argc, char **argv) {
  peer_take_options(&opt, argc, argv, PEER_CAN_BROADCAST | PEER_CAN_DEFLATE | PEER_CAN_TLS);
  try {
    asio::io_context io(1);
    listener server(io);
    peer_say_port(server.port());
    io.run();
  } catch (const std::exception &failure) {
    std::cerr << argv[0] << ": " << failure.what() << '\n';
    return EXIT_FAILURE;
  }
  return EXIT_SUCCESS;
}
