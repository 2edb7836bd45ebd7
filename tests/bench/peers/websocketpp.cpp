// websocketpp on Asio, one thread, without logs. send() queues what cannot be written yet.
#include <cstdlib>
#include <iostream>
#include <memory>
#include <set>
#include <string>

#include <websocketpp/config/asio.hpp>
#include <websocketpp/extensions/permessage_deflate/enabled.hpp>
#include <websocketpp/server.hpp>

#include "peer_options.h"

namespace {

peer_options_t opt;

// The library's release settings, with logging compiled out.
template <class Base> struct quiet : Base {
  static const websocketpp::log::level alog_level = websocketpp::log::alevel::none;
  static const websocketpp::log::level elog_level = websocketpp::log::elevel::none;
  static const std::size_t max_message_size = PEER_MAX_MESSAGE;
};

template <class Base> struct deflating : Base {
  struct no_takeover : websocketpp::extensions::permessage_deflate::enabled<
                           typename Base::permessage_deflate_config> {
    no_takeover() {
      this->enable_server_no_context_takeover();
      this->enable_client_no_context_takeover();
    }
  };
  typedef no_takeover permessage_deflate_type;
};

typedef quiet<websocketpp::config::asio> plain;
typedef quiet<websocketpp::config::asio_tls> over_tls;

void set_up_tls(websocketpp::server<plain> &) {
}
void set_up_tls(websocketpp::server<deflating<plain>> &) {
}

template <class Config> void set_up_tls(websocketpp::server<Config> &server) {
  namespace ssl = websocketpp::lib::asio::ssl;
  auto context = std::make_shared<ssl::context>(ssl::context::tls_server);
  context->use_certificate_chain_file(opt.cert_file);
  context->use_private_key_file(opt.key_file, ssl::context::pem);
  server.set_tls_init_handler([context](websocketpp::connection_hdl) { return context; });
}

template <class Config> class peer {
public:
  typedef websocketpp::server<Config> server_type;
  typedef typename server_type::message_ptr message_ptr;

  peer() {
    server_.clear_access_channels(websocketpp::log::alevel::all);
    server_.clear_error_channels(websocketpp::log::elevel::all);
    server_.init_asio();
    set_up_tls(server_);
    server_.set_reuse_addr(true);
    server_.set_tcp_post_init_handler([this](websocketpp::connection_hdl client) {
      server_.get_con_from_hdl(client)->get_raw_socket().set_option(
          websocketpp::lib::asio::ip::tcp::no_delay(true));
    });
    server_.set_open_handler(
        [this](websocketpp::connection_hdl client) { clients_.insert(client); });
    server_.set_close_handler(
        [this](websocketpp::connection_hdl client) { clients_.erase(client); });
    server_.set_message_handler([this](websocketpp::connection_hdl client, message_ptr what) {
      if (opt.broadcast) {
        publish(what);
      } else {
        send(client, what);
      }
    });
  }

  void run() {
    websocketpp::lib::asio::error_code failure;
    server_.listen(websocketpp::lib::asio::ip::tcp::endpoint(
        websocketpp::lib::asio::ip::address_v4::loopback(), static_cast<unsigned short>(opt.port)));
    server_.start_accept();
    peer_say_port(server_.get_local_endpoint(failure).port());
    server_.run();
  }

private:
  void send(websocketpp::connection_hdl client, const message_ptr &what) {
    websocketpp::lib::error_code failure;
    server_.send(client, what->get_payload(), what->get_opcode(), failure);
  }

  void publish(const message_ptr &what) {
    for (const websocketpp::connection_hdl &client : clients_) {
      send(client, what);
    }
  }

  server_type server_;
  std::set<websocketpp::connection_hdl, std::owner_less<websocketpp::connection_hdl>> clients_;
};

template <class Config> void run() {
  if (opt.deflate) {
    peer<deflating<Config>>().run();
  } else {
    peer<Config>().run();
  }
}

} // namespace

int main(int argc, char **argv) {
  peer_take_options(&opt, argc, argv, PEER_CAN_BROADCAST | PEER_CAN_DEFLATE | PEER_CAN_TLS);
  try {
    if (opt.cert_file != nullptr) {
      run<over_tls>();
    } else {
      run<plain>();
    }
  } catch (const std::exception &failure) {
    std::cerr << argv[0] << ": " << failure.what() << '\n';
    return EXIT_FAILURE;
  }
  return EXIT_SUCCESS;
}
