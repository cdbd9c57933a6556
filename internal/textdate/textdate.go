// Package textdate writes and reads dates as SQLite and MySQL keep them: as text without a zone,
// which compares as the dates do.
package textdate

import (
	"fmt"
	"time"
)

// Format writes a date to be stored, as Django does: Python's str(datetime), which has no fraction
// of a whole second.
func Format(t time.Time) string {
	if t.Nanosecond() < 1000 {
		return t.Format(time.DateTime)
	}
	return Moment(t)
}

// Moment writes a time to be compared with what is stored. It has all its digits: it is then no
// less than a whole second that is stored without a fraction, as Django does, or with one, as
// earlier versions did.
func Moment(t time.Time) string { return t.Format("2006-01-02 15:04:05.000000") }

// Parse reads a date of a database. It may have a fraction, and an offset in place of the zone.
func Parse(text string, zone *time.Location) (time.Time, error) {
	for _, layout := range []string{
		"2006-01-02 15:04:05.999999999",
		"2006-01-02 15:04:05.999999999Z07:00",
		"2006-01-02T15:04:05.999999999Z07:00",
	} {
		if t, err := time.ParseInLocation(layout, text, zone); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("expire_date holds %q, which is no date", text)
}
