// SPDX-License-Identifier: Apache-2.0
// Runs images through a model on several threads.
//
// While there are as many images as threads, each thread takes whole images, which stay in its
// cache, and waits for nobody. The threads share the images that are left: by heads where tokens
// meet, elsewhere by tokens.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "common/thread_pool.hpp"
#include "ivit/worker.hpp"

namespace tritforge::engine::ivit {

class Executor {
  public:
    /// Throws std::system_error if the system refuses threads.
    Executor(std::shared_ptr<const VisionModel> model, int threads);

    /// Logits (images, classes) of pixels (images, image_size, image_size, channels).
    void run(const std::uint8_t* pixels, int images, std::int64_t* logits);

    /// See Worker; on the calling thread.
    std::int64_t multiply_only() { return workers_.front().multiply_only(); }

  private:
    /// Tasks 0 to `count` - 1, each done once by some thread.
    template <typename Task>
    void share_out(int count, const Task& task);
    /// Tokens of one of `chunks` chunks.
    RowRange chunk_of(int chunk, int chunks) const;
    void run_whole(const std::uint8_t* pixels, std::int64_t* logits, Worker& worker,
                   ImageBuffers& buffers);
    void run_together(const std::uint8_t* pixels, int images, std::int64_t* logits);

    const std::shared_ptr<const VisionModel> model_;
    ThreadPool pool_;
    std::vector<Worker> workers_;
    std::vector<ImageBuffers> buffers_;  ///< one per thread
};

}  // namespace tritforge::engine::ivit
