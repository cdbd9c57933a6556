// Package textdate writes and reads dates as SQLite and MySQL keep them: as text without a zone,
// which compares as the dates do.
package textdate

import (
	"bytes"
	"fmt"
	"strconv"
	"time"
)

// Format writes a date to be stored, as Django does: Python's str(datetime), which has no fraction
// of a whole second.
func Format(t time.Time) string {
	text := Moment(t)
	if t.Nanosecond() < 1000 {
		return text[:len(text)-len(".000000")]
	}
	return text
}

// Moment writes a time to be compared with what is stored. It has all its digits: it is then no
// less than a whole second that is stored without a fraction, as Django does, or with one, as
// earlier versions did.
//
// It is t.Format("2006-01-02 15:04:05.000000"), and with Parse takes detours through the one layout
// that package time is fast at, RFC 3339. Bench: "SQLite", DB: a READ takes 4 % less CPU time.
func Moment(t time.Time) string {
	var buf [len("2006-01-02T15:04:05.999999+00:00")]byte
	b := t.AppendFormat(buf[:0], time.RFC3339)
	separator := bytes.IndexByte(b, 'T')
	point := separator + len(" 15:04:05")
	b = strconv.AppendInt(b[:point], int64(1_000_000+t.Nanosecond()/1000), 10) // six digits after a 1
	b[separator], b[point] = ' ', '.'
	return string(b)
}

// Parse reads a date of a database. It may have a fraction, and an offset in place of the zone.
func Parse(text string, zone *time.Location) (time.Time, error) {
	const separator = len("2006-01-02")
	if zone == time.UTC && len(text) > separator && text[separator] == ' ' {
		if t, err := time.Parse(time.RFC3339, text[:separator]+"T"+text[separator+1:]+"Z"); err == nil { // see Moment
			return t, nil
		}
	}
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
