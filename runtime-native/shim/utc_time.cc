#include "shim/utc_time.h"

#include <ctime>

namespace berth {

namespace {

void AppendPadded(std::string& out, long value, size_t width) {
  std::string digits = std::to_string(value);
  if (digits.size() < width) out.append(width - digits.size(), '0');
  out += digits;
}

struct Date {
  long year, month, day;
};

// gmtime_r would read the host's time zone first. Years are counted from March, so that the leap day is the last of its
// year.
Date DateOf(long days_since_1970) {
  constexpr long kDaysIn400Years = 146097;
  constexpr long kDaysFromMarchOfYear0To1970 = 719468;
  long days = days_since_1970 + kDaysFromMarchOfYear0To1970;
  long era = days / kDaysIn400Years;
  long day_of_era = days % kDaysIn400Years;
  long year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  long day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  // March to July and August to December have the same lengths: 153 days in five months.
  long month_from_march = (5 * day_of_year + 2) / 153;
  long month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
  return {era * 400 + year_of_era + (month <= 2 ? 1 : 0), month, day_of_year - (153 * month_from_march + 2) / 5 + 1};
}

}  // namespace

std::string UtcTimeNow() {
  timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  long seconds = now.tv_sec % 86400;
  Date date = DateOf(now.tv_sec / 86400);
  std::string text;
  AppendPadded(text, date.year, 4);
  for (auto [separator, value] : {std::pair('-', date.month), std::pair('-', date.day), std::pair('T', seconds / 3600),
                                  std::pair(':', seconds / 60 % 60), std::pair(':', seconds % 60)}) {
    text += separator;
    AppendPadded(text, value, 2);
  }
  text += '.';
  AppendPadded(text, now.tv_nsec, 9);
  text += 'Z';
  return text;
}

}  // namespace berth
