#pragma once

#include <cstdint>
#include <string>

namespace moco {

/// The settings of Momentum Contrast, and of what is made of it with other losses, negatives and
/// key encoders. Those without a comment are explained where they are used.
struct ContrastSettings {
  int64_t m;                      // length of the queue
  double temperature;             // τ in eq. 1
  double momentum;                // of the key encoder, m in eq. 2
  std::string loss = "info-nce";  // a name for `lossOf`
  std::string lossScale = "none";
  std::string negatives = "queue";
  bool maskSame = false;
  double teacherTemperature = 0.05;
  double targetShare = 0.5;
  double weightSigma = 0.5;
  std::string keyEncoder = "momentum";  // or `shared`: keys come from the query encoder
  std::string momentumUpdate = "after";
  std::string momentumSchedule = "constant";  // for `momentumAt`
  std::string keyStatistics = "own";
  int64_t accumulate = 1;  // batches whose gradients make one step

  /// Calls `visit(name, value)` for every setting.
  template <class Visit>
  void each(Visit&& visit) {
    visit("m", m);
    visit("temperature", temperature);
    visit("momentum", momentum);
    visit("loss", loss);
    visit("lossScale", lossScale);
    visit("negatives", negatives);
    visit("maskSame", maskSame);
    visit("teacherTemperature", teacherTemperature);
    visit("targetShare", targetShare);
    visit("weightSigma", weightSigma);
    visit("keyEncoder", keyEncoder);
    visit("momentumUpdate", momentumUpdate);
    visit("momentumSchedule", momentumSchedule);
    visit("keyStatistics", keyStatistics);
    visit("accumulate", accumulate);
  }
};

}  // namespace moco
