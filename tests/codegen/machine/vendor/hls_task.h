// SPDX-License-Identifier: Apache-2.0
//
// The vendor's interface of hls::task: declarations only.
#pragma once

#define hls_thread_local thread_local

namespace hls {

class task {
  public:
    task() = default;
    template <class Function, class... Arguments>
    explicit task(Function&&, Arguments&&...) {}
    template <class Function, class... Arguments>
    void operator()(Function&&, Arguments&&...) {}
};

}  // namespace hls
