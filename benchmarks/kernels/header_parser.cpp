// SPDX-License-Identifier: Apache-2.0
//
// Fields of a packet header: nested structs, arrays and an enumeration as words of streams.
#include <stdint.h>

#include "ap_int.h"
#include "hls_stream.h"

enum class Protocol : uint8_t { kOther = 0, kTcp = 6, kUdp = 17 };

struct Address {
    uint8_t bytes[4];
};

struct Header {
    Address source, destination;
    ap_uint<4> version;
    uint16_t length;
    Protocol protocol;
};

struct Summary {
    ap_uint<32> source;
    Protocol protocol;
    bool valid;
};

extern "C" void header_parser(hls::stream<Header>& headers, hls::stream<Summary>& summaries) {
    const Header header = headers.read();
    Summary summary;
    summary.source = 0;
    for (int i = 0; i < 4; ++i) summary.source = (summary.source << 8) | header.source.bytes[i];
    summary.protocol = header.protocol == Protocol::kTcp || header.protocol == Protocol::kUdp
                           ? header.protocol
                           : Protocol::kOther;
    summary.valid = header.version == 4 && header.length >= 20 && header.destination.bytes[0] != 0;
    summaries.write(summary);
}
