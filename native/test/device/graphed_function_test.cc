#include "core/device/graphed_function.h"

#include <doctest/doctest.h>

#include "support/graph_double.h"

using namespace moco;

namespace {

/// Doubles its input, and counts how often its code ran on the host.
struct Doubling {
  int calls = 0;

  GraphedFunction::Tensors operator()(const GraphedFunction::Tensors& inputs) {
    ++calls;
    return {inputs[0] * 2};
  }
};

at::Tensor numbers(std::initializer_list<float> values) {
  return at::tensor(at::ArrayRef<float>(values));
}

}  // namespace

TEST_CASE("two calls run plainly, the third is recorded, and it and all later ones are replayed") {
  GraphLog log;
  Doubling doubling;
  GraphedFunction graph(std::ref(doubling), std::make_unique<GraphDouble>(log));
  for (const float value : {1.f, 2.f, 3.f, 4.f}) {
    CHECK(graph({numbers({value})})[0].item<float>() == 2 * value);
  }
  CHECK(log.recorded == 1);
  CHECK(log.replayed == 2);
}

TEST_CASE("recorded work reads its inputs from tensors of its own, in every replay") {
  GraphLog log;
  std::vector<const void*> read;
  GraphedFunction graph(
      [&](const GraphedFunction::Tensors& inputs) {
        read.push_back(inputs[0].const_data_ptr());
        return GraphedFunction::Tensors{inputs[0] * 2};
      },
      std::make_unique<GraphDouble>(log));
  std::vector<at::Tensor> inputs;
  for (const float value : {1.f, 2.f, 3.f, 4.f, 5.f}) {
    inputs.push_back(numbers({value}));
    graph({inputs.back()});
  }
  CHECK(read[0] == inputs[0].const_data_ptr());
  CHECK(read[2] != inputs[2].const_data_ptr());
  CHECK(read[3] == read[2]);
  CHECK(read[4] == read[2]);
}

TEST_CASE("inputs of another shape than the recorded ones run plainly in between") {
  GraphLog log;
  Doubling doubling;
  GraphedFunction graph(std::ref(doubling), std::make_unique<GraphDouble>(log));
  for (int call = 0; call < 3; ++call) graph({numbers({1})});
  CHECK(graph({numbers({1, 2})})[0].equal(numbers({2, 4})));
  CHECK(log.replayed == 1);
  CHECK(graph({numbers({5})})[0].equal(numbers({10})));
  CHECK(log.replayed == 2);
}

TEST_CASE("inputs that have another shape from now on are recorded anew") {
  GraphLog log;
  Doubling doubling;
  GraphedFunction graph(std::ref(doubling), std::make_unique<GraphDouble>(log));
  for (int call = 0; call < 4; ++call) graph({numbers({1})});
  for (const float value : {1.f, 2.f, 3.f, 4.f}) {
    CHECK(graph({numbers({value, 1})})[0].equal(numbers({2 * value, 2})));
  }
  CHECK(log.recorded == 2);
  CHECK(log.replayed == 4);
}

TEST_CASE("without a recorder every call runs plainly") {
  Doubling doubling;
  GraphedFunction graph(std::ref(doubling), nullptr);
  for (int call = 0; call < 5; ++call) graph({numbers({1})});
  CHECK(doubling.calls == 5);
  CHECK(graph.failure() == "");
}

TEST_CASE("work that cannot be recorded runs plainly from then on, and the reason is kept") {
  GraphLog log;
  log.failure = "operation not permitted when stream is capturing";
  Doubling doubling;
  GraphedFunction graph(std::ref(doubling), std::make_unique<GraphDouble>(log));
  for (const float value : {1.f, 2.f, 3.f, 4.f}) {
    CHECK(graph({numbers({value})})[0].item<float>() == 2 * value);
  }
  CHECK(graph.failure() == log.failure);
  CHECK(log.recorded == 1);
  CHECK(log.replayed == 0);
}
