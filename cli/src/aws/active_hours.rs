//! When an environment has tasks, where it does not have them always: `active_hours` of
//! `infra/aws`. Outside them the service's desired count is 0.

use std::collections::BTreeSet;

use jiff::civil::{Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use serde::{Deserialize, Serialize};

/// Hours of some days of the week.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ActiveHours {
    from: Time,
    to: Time,
    days: BTreeSet<Day>,
    /// Its name in the time zone database.
    time_zone: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum Day {
    Mon,
    Tue,
    Wed,
    Thu,
    Fri,
    Sat,
    Sun,
}

impl From<Weekday> for Day {
    fn from(day: Weekday) -> Self {
        match day {
            Weekday::Monday => Self::Mon,
            Weekday::Tuesday => Self::Tue,
            Weekday::Wednesday => Self::Wed,
            Weekday::Thursday => Self::Thu,
            Weekday::Friday => Self::Fri,
            Weekday::Saturday => Self::Sat,
            Weekday::Sunday => Self::Sun,
        }
    }
}

impl ActiveHours {
    /// A working week: ten hours on five days.
    pub(crate) fn working_week() -> Self {
        Self {
            from: Time::constant(8, 0, 0, 0),
            to: Time::constant(18, 0, 0, 0),
            days: BTreeSet::from([Day::Mon, Day::Tue, Day::Wed, Day::Thu, Day::Fri]),
            time_zone: "UTC".to_owned(),
        }
    }

    /// Until when there are no tasks by themselves; nothing in active hours, and where this machine
    /// does not know the time zone.
    pub(crate) fn asleep_until(&self, now: Timestamp) -> Option<Timestamp> {
        let zone = TimeZone::get(&self.time_zone).ok()?;
        let now = now.to_zoned(zone.clone());
        let is_active = |day: Weekday| self.days.contains(&day.into());
        if is_active(now.weekday()) && (self.from..self.to).contains(&now.time()) {
            return None;
        }
        let mut days = (0..=7).filter_map(|ahead: i64| now.date().checked_add(ahead.days()).ok());
        days.find_map(|date| {
            let start = date.to_datetime(self.from).to_zoned(zone.clone()).ok()?;
            (is_active(date.weekday()) && start > now).then(|| start.timestamp())
        })
    }

    /// Which part of a week they are, from 0 to 1.
    pub(crate) fn share(&self) -> f64 {
        let day = (self.to - self.from).total(jiff::Unit::Hour);
        self.days.len() as f64 * day.unwrap_or(24.0) / (7.0 * 24.0)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn hours() -> ActiveHours {
        let written = json!({
            "from": "07:30", "to": "19:00", "days": ["MON", "TUE", "FRI"], "time_zone": "Europe/Berlin"
        });
        serde_json::from_value(written).unwrap()
    }

    fn asleep_until(now: &str) -> Option<String> {
        let until = hours().asleep_until(now.parse().unwrap());
        until.map(|until| until.to_string())
    }

    #[test]
    fn a_service_sleeps_until_the_next_of_its_days_begins() {
        // A Friday in winter, an hour ahead of UTC.
        assert_eq!(asleep_until("2026-11-27T06:30:00Z"), None);
        assert_eq!(asleep_until("2026-11-27T17:59:59Z"), None);
        let monday = Some("2026-11-30T06:30:00Z".to_owned());
        assert_eq!(asleep_until("2026-11-27T18:00:00Z"), monday);
        assert_eq!(asleep_until("2026-11-29T23:30:00Z"), monday);
        let early = Some("2026-11-27T06:30:00Z".to_owned());
        assert_eq!(asleep_until("2026-11-27T06:29:59Z"), early);
        // The clocks go back on the Sunday between.
        let winter = Some("2026-10-26T06:30:00Z".to_owned());
        assert_eq!(asleep_until("2026-10-23T17:00:00Z"), winter);
    }

    #[test]
    fn one_day_a_week_comes_again_after_seven() {
        let mut sundays = hours();
        sundays.days = BTreeSet::from([Day::Sun]);
        let evening = "2026-11-29T20:00:00Z".parse().unwrap();
        let next = sundays.asleep_until(evening).unwrap();
        assert_eq!(next.to_string(), "2026-12-06T06:30:00Z");
    }

    #[test]
    fn an_unknown_time_zone_says_nothing() {
        let mut hours = hours();
        hours.time_zone = "Mars/Olympus".to_owned();
        assert_eq!(hours.asleep_until(Timestamp::UNIX_EPOCH), None);
    }

    #[test]
    fn the_share_is_of_a_week() {
        assert_eq!(hours().share(), 3.0 * 11.5 / 168.0);
        assert_eq!(ActiveHours::working_week().share(), 50.0 / 168.0);
    }
}
