//! Timestamps of a log: seconds since 1970, or dates and date-times as databases and data frames write them. What has not exactly one of these forms is
//! none, and nothing of one is cut off: the order of a user's interactions hangs on it.

/// What a timestamp may be, for errors.
pub const FORMS: &str = "timestamps are seconds since 1970, YYYY-MM-DD, or YYYY-MM-DD HH:MM:SS with a fraction and Z or ±HH:MM, or without (docs/recommend.md)";

/// Seconds since 1970 in UTC, and the nanoseconds past them: of a number; of a date, the beginning; of a date-time, which is UTC where it does not say
/// otherwise.
pub fn timestamp(text: &str) -> Option<(i64, u32)> {
    let bytes = text.as_bytes();
    if bytes.get(4) == Some(&b'-') { date_time(bytes) } else { number(text) }
}

/// `1600765200`, `-1.5`
fn number(text: &str) -> Option<(i64, u32)> {
    let Some((whole, fraction)) = text.split_once('.') else {
        return Some((text.parse().ok()?, 0));
    };
    let (seconds, nanos): (i64, u32) = (whole.parse().ok()?, nanoseconds(fraction.as_bytes())?);
    // −1.5 is two seconds before 1970 and half a second past that.
    if nanos > 0 && whole.starts_with('-') {
        return Some((seconds.checked_sub(1)?, 1_000_000_000 - nanos));
    }
    Some((seconds, nanos))
}

/// `YYYY-MM-DD[( |T)HH:MM:SS[.f…][Z|±HH:MM]]`
fn date_time(bytes: &[u8]) -> Option<(i64, u32)> {
    let (date, rest) = bytes.split_at_checked(10)?;
    let (year, month, day) = (digits(&date[..4])?, digits(&date[5..7])?, digits(&date[8..])?);
    let is_date = date[4] == b'-' && date[7] == b'-' && (1..=12).contains(&month);
    if !is_date || !(1..=month_length(year, month)).contains(&day) {
        return None;
    }
    let midnight = days(year, month, day) * 86_400;
    if rest.is_empty() {
        return Some((midnight, 0));
    }
    let (clock, rest) = rest.split_at_checked(9)?;
    let (hour, minute, second) = (digits(&clock[1..3])?, digits(&clock[4..6])?, digits(&clock[7..])?);
    let is_clock = matches!(clock[0], b' ' | b'T') && clock[3] == b':' && clock[6] == b':';
    if !is_clock || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let (nanos, zone) = match rest.strip_prefix(b".") {
        None => (0, rest),
        Some(rest) => {
            let end = rest.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(rest.len());
            (nanoseconds(&rest[..end])?, &rest[end..])
        }
    };
    Some((midnight + hour * 3600 + minute * 60 + second - offset(zone)?, nanos))
}

/// Seconds by which a zone's clocks are ahead of UTC.
fn offset(zone: &[u8]) -> Option<i64> {
    match zone {
        b"" | b"Z" => Some(0),
        [sign @ (b'+' | b'-'), hour_tens, hour_ones, b':', minute_tens, minute_ones] => {
            let (hours, minutes) = (digits(&[*hour_tens, *hour_ones])?, digits(&[*minute_tens, *minute_ones])?);
            let ahead = hours * 3600 + minutes * 60;
            (hours < 24 && minutes < 60).then_some(if *sign == b'-' { -ahead } else { ahead })
        }
        _ => None,
    }
}

fn digits(bytes: &[u8]) -> Option<i64> {
    let digit = |byte: &u8| byte.is_ascii_digit().then(|| i64::from(byte - b'0'));
    bytes.iter().try_fold(0, |number, byte| Some(number * 10 + digit(byte)?))
}

/// Of the digits behind a point, one to nine.
fn nanoseconds(fraction: &[u8]) -> Option<u32> {
    if !(1..=9).contains(&fraction.len()) {
        return None;
    }
    Some(digits(fraction)? as u32 * 10u32.pow(9 - fraction.len() as u32))
}

fn month_length(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970-01-01 (Howard Hinnant's `days_from_civil`).
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::timestamp;

    #[test]
    fn numbers_dates_and_date_times_are_read_to_the_last_digit() {
        // The seconds are those of `date --utc --date=… +%s`.
        for (text, expected) in [
            ("99", (99, 0)),
            ("-5", (-5, 0)),
            ("1600765200.25", (1_600_765_200, 250_000_000)),
            ("-1.5", (-2, 500_000_000)),
            ("1970-01-01", (0, 0)),
            ("1969-12-31", (-86_400, 0)),
            ("2020-09-22", (1_600_732_800, 0)),
            ("2000-02-29", (951_782_400, 0)),
            ("2020-09-22 09:00:00", (1_600_765_200, 0)),
            ("2020-09-22T09:00:00Z", (1_600_765_200, 0)),
            ("2020-09-22T09:00:00+02:00", (1_600_758_000, 0)),
            ("2020-09-22 23:59:59.000000001-05:30", (1_600_838_999, 1)),
            ("2020-09-22T09:00:00.5", (1_600_765_200, 500_000_000)),
        ] {
            assert_eq!(timestamp(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn anything_else_is_no_timestamp() {
        for text in [
            "",
            "yesterday",
            "1e30",
            "1e9",
            "NaN",
            "inf",
            "5.",
            ".5",
            "1.0000000001",
            "99999999999999999999",
            "2020-09-22junk",
            "2020-02-30",
            "2021-02-29",
            "1900-02-29",
            "2020-13-01",
            "2020-00-10",
            "2020-04-31",
            "2020-9-22",
            "2020/09/22",
            "22.09.2020",
            "2020-09-22 ",
            "2020-09-22 09:00",
            "2020-09-22x09:00:00",
            "2020-09-22 24:00:00",
            "2020-09-22 09:60:00",
            "2020-09-22 09:00:60",
            "2020-09-22 09-00-00",
            "2020-09-22 09:00:00.",
            "2020-09-22 09:00:00.1234567890",
            "2020-09-22 09:00:00 Z",
            "2020-09-22 09:00:00+0200",
            "2020-09-22 09:00:00+24:00",
            "2020-09-22 +9:00:00",
            "2020-09-22 09:00:00Zjunk",
            "+020-09-22",
            "2020-09-é",
        ] {
            assert_eq!(timestamp(text), None, "{text}");
        }
    }
}
