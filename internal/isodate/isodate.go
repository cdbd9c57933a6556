// Package isodate reads the dates that Python programs leave in a record as text.
package isodate

import (
	"strings"
	"time"
	"unicode/utf8"
)

// Parse reads an ISO 8601 date, or date and time, in the forms that Python 3.11's
// datetime.fromisoformat reads:
//
//	date    YYYY-MM-DD  YYYYMMDD  YYYY-Www-D  YYYYWwwD  YYYY-Www  YYYYWww
//	time    HH  HH:MM  HH:MM:SS  HH:MM:SS.f, each also without colons, the point also a comma
//	offset  Z, or + or - and one of the forms of a time, less than 24 hours
//
// The separator of date and time is any one character. Digits of a fraction after the sixth are
// dropped. Without an offset the time is in naive, which must not be nil. ok is false if text has
// none of these forms, or if it names a day or a time that does not exist; t then means nothing.
//
// Python's implementations in C and in Python each accept a few more texts by accident, such as
// "2026-11-26T10:00:+01:00". Parse accepts what both do, if no part of an offset exceeds 59.
//
// Source: CPython 3.11, Lib/datetime.py.
func Parse(text string, naive *time.Location) (t time.Time, ok bool) {
	length := dateLength(text)
	if length > len(text) {
		return time.Time{}, false
	}
	wall, ok := parseDate(text[:length])
	if length == len(text) {
		return in(wall, naive), ok
	}
	separator, size := utf8.DecodeRuneInString(text[length:])
	if separator == utf8.RuneError && size == 1 {
		return time.Time{}, false
	}
	clock := text[length+size:]
	sign := strings.IndexAny(clock, "+-Z")
	if sign < 0 {
		sinceMidnight, clockOK := parseClock(clock)
		return in(wall.Add(sinceMidnight), naive), ok && clockOK
	}
	sinceMidnight, clockOK := parseClock(clock[:sign])
	offset, offsetOK := parseOffset(clock[sign:])
	zone := time.FixedZone("", int(offset/time.Second))
	return wall.Add(sinceMidnight - offset).In(zone), ok && clockOK && offsetOK
}

// in returns the moment at which clocks in location show wall, which is in UTC.
func in(wall time.Time, location *time.Location) time.Time {
	year, month, day := wall.Date()
	hour, minute, second := wall.Clock()
	return time.Date(year, month, day, hour, minute, second, wall.Nanosecond(), location)
}

// dateLength returns how many bytes the date has that text begins with: more than text has if it
// is too short for one. Characters 4 and 5 tell the forms apart.
func dateLength(text string) int {
	switch {
	case len(text) < len("YYYYWww"):
		return len("YYYYWww")
	case text[4] == 'W':
		return basicWeekLength(text)
	case text[4] != '-':
		return len("YYYYMMDD")
	case text[5] != 'W':
		return len("YYYY-MM-DD")
	case len(text) == 10 && text[8] == '-', len(text) > 10 && text[8] == '-' && !isDigit(text[10]):
		return len("YYYY-Www-D")
	default:
		return len("YYYY-Www") // YYYY-Www-HH too: a hyphen is a likelier separator than a digit
	}
}

// basicWeekLength tells YYYYWww and YYYYWwwD apart by the number of digits that follow: those of
// a time come in pairs.
func basicWeekLength(text string) int {
	end := len("YYYYWww") + len(text[7:]) - len(strings.TrimLeft(text[7:], "0123456789"))
	if end == 7 || end > 9 && end%2 == 0 {
		return len("YYYYWww")
	}
	return len("YYYYWwwD")
}

// parseDate returns midnight, in UTC, of a date.
func parseDate(text string) (midnight time.Time, ok bool) {
	s := scanner{rest: text}
	year := s.number(4)
	hasHyphens := s.take("-")
	if s.take("W") {
		week, weekday := s.number(2), 1
		if s.rest != "" {
			s.separator(hasHyphens, "-")
			weekday = s.number(1)
		}
		midnight = isoWeekday(year, week, weekday)
		_, actual := midnight.ISOWeek()
		ok = week == actual && 1 <= weekday && weekday <= 7
	} else {
		month := s.number(2)
		s.separator(hasHyphens, "-")
		day := s.number(2)
		midnight = time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC)
		ok = midnight.Month() == time.Month(month) && midnight.Day() == day // not February 30
	}
	return midnight, ok && s.ended() && year >= 1 && midnight.Year() <= 9999
}

// isoWeekday returns the day of an ISO 8601 week. January 4 is always in week 1.
func isoWeekday(year, week, weekday int) time.Time {
	fourth := time.Date(year, time.January, 4, 0, 0, 0, 0, time.UTC)
	monday := (int(fourth.Weekday()) + 6) % 7 // days since Monday
	return fourth.AddDate(0, 0, (week-1)*7+weekday-1-monday)
}

// parseClock returns the time since midnight that a time of day, or an offset, says.
func parseClock(text string) (time.Duration, bool) {
	s := scanner{rest: text}
	hour, minute, second, fraction := s.number(2), 0, 0, time.Duration(0)
	hasColons := s.take(":")
	if hasColons || s.rest != "" {
		minute = s.number(2)
	}
	if s.rest != "" {
		s.separator(hasColons, ":")
		second = s.number(2)
	}
	if s.rest != "" {
		fraction = s.fraction()
	}
	d := time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute + time.Duration(second)*time.Second + fraction
	return d, s.ended() && hour < 24 && minute < 60 && second < 60
}

// parseOffset reads an offset, its sign or Z included. Python ignores one of less than a second.
func parseOffset(text string) (offset time.Duration, ok bool) {
	if text == "Z" {
		return 0, true
	}
	offset, ok = parseClock(text[1:])
	if offset < time.Second {
		offset = 0
	}
	if text[0] == '-' {
		offset = -offset
	}
	return offset, ok && text[0] != 'Z'
}

// A scanner reads numbers and separators off the front of rest. After its first failure what it
// returns means nothing.
type scanner struct {
	rest   string
	failed bool
}

// ended reports whether all of the text was read, and as it should be.
func (s *scanner) ended() bool { return s.rest == "" && !s.failed }

// take reads c if it comes next.
func (s *scanner) take(c string) (ok bool) {
	s.rest, ok = strings.CutPrefix(s.rest, c)
	return ok
}

// separator reads c if the form has separators.
func (s *scanner) separator(has bool, c string) {
	s.failed = s.failed || has && !s.take(c)
}

// number reads a number of so many digits.
func (s *scanner) number(digits int) int {
	if len(s.rest) < digits {
		s.failed = true
		return 0
	}
	n := 0
	for i := range digits {
		s.failed = s.failed || !isDigit(s.rest[i])
		n = 10*n + int(s.rest[i]-'0')
	}
	s.rest = s.rest[digits:]
	return n
}

// fraction reads a fraction of a second, in microseconds, with its point or comma.
func (s *scanner) fraction() time.Duration {
	s.failed = s.failed || !s.take(".") && !s.take(",") || s.rest == ""
	d := time.Duration(0)
	for unit := 100 * time.Millisecond; s.rest != "" && !s.failed; unit /= 10 {
		d += time.Duration(s.number(1)) * unit.Truncate(time.Microsecond)
	}
	return d
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
