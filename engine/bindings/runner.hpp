// SPDX-License-Identifier: Apache-2.0
// An executor and its threads behind a Python object: one call at a time goes through them, and a
// forked child, which has none of the threads, gets new ones.
#pragma once

#include <unistd.h>

#include <memory>
#include <mutex>
#include <utility>

namespace tritforge::engine {

template <class Executor, class Model>
class Runner {
  public:
    Runner(std::shared_ptr<const Model> model, int threads)
        : model_(std::move(model)), threads_(threads), own_(make()) {}

    ~Runner() { leave_to_parent(); }
    Runner(const Runner&) = delete;
    Runner& operator=(const Runner&) = delete;

    /// Executor and its mutex, of this process. Called with the GIL held.
    struct Own {
        Own(const std::shared_ptr<const Model>& model, int threads)
            : executor(model, threads), process(getpid()) {}

        Executor executor;
        std::mutex mutex;
        const long process;
    };
    Own& own() {
        leave_to_parent();
        if (!own_) own_ = make();
        return *own_;
    }

  private:
    std::unique_ptr<Own> make() const { return std::make_unique<Own>(model_, threads_); }

    /// Threads of the parent cannot be stopped here, and waiting for them would never end.
    void leave_to_parent() {
        if (own_ && getpid() != own_->process) (void)own_.release();
    }

    const std::shared_ptr<const Model> model_;
    const int threads_;
    std::unique_ptr<Own> own_;
};

}  // namespace tritforge::engine
