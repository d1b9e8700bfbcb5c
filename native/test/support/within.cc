#include "support/within.h"

#include <doctest/doctest.h>

#include <cmath>
#include <iostream>
#include <mutex>
#include <optional>
#include <utility>

namespace moco {
namespace {

/// An error that a test case has checked.
struct Checked {
  std::string what;
  double error, limit;

  /// NaN is beyond every limit.
  double share() const { return std::isnan(error) ? INFINITY : error / limit; }
};

/// The errors of the test case that runs. Some test cases check on threads of their own.
class Nearest {
 public:
  void add(const Checked& checked) {
    const std::lock_guard lock(mutex_);
    if (!nearest_ || checked.share() > nearest_->share()) nearest_ = checked;
  }

  /// The one that came nearest to its limit; the next test case begins without any.
  std::optional<Checked> take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(nearest_, {});
  }

 private:
  std::mutex mutex_;
  std::optional<Checked> nearest_;
};

Nearest& nearest() {
  static Nearest instance;
  return instance;
}

/// Prints the line at the end of each test case that has checked an error.
struct ErrorListener : doctest::IReporter {
  explicit ErrorListener(const doctest::ContextOptions&) {}

  void test_case_start(const doctest::TestCaseData& testCase) override { name = testCase.m_name; }
  void test_case_end(const doctest::CurrentTestCaseStats&) override {
    const auto checked = nearest().take();
    if (!checked) return;
    std::cout << "error: " << name << ": " << checked->error << " of " << checked->limit << " ("
              << checked->what << ")\n";
  }

  void report_query(const doctest::QueryData&) override {}
  void test_run_start() override {}
  void test_run_end(const doctest::TestRunStats&) override {}
  void test_case_reenter(const doctest::TestCaseData&) override {}
  void test_case_exception(const doctest::TestCaseException&) override {}
  void subcase_start(const doctest::SubcaseSignature&) override {}
  void subcase_end() override {}
  void log_assert(const doctest::AssertData&) override {}
  void log_message(const doctest::MessageData&) override {}
  void test_case_skipped(const doctest::TestCaseData&) override {}

  const char* name = "";
};

}  // namespace

REGISTER_LISTENER("errors", 1, ErrorListener);

void checkWithin(const std::string& what, double error, double limit) {
  nearest().add({what, error, limit});
  INFO(what);
  CHECK(error < limit);
}

void checkClose(const std::string& what, double value, double expected, double relative,
                double absolute) {
  checkWithin(what, std::abs(value - expected), absolute + relative * std::abs(expected));
}

}  // namespace moco
