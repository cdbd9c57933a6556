package textdate_test

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/ginsession/ginsession/internal/textdate"
)

// Dates in text are those of time.Format and time.Parse, in every zone, and like Python's have no
// fraction of a whole second.
func TestDates(t *testing.T) {
	kathmandu := time.FixedZone("+0545", 5*3600+45*60)
	rapid.Check(t, func(t *rapid.T) {
		zone := rapid.SampledFrom([]*time.Location{time.UTC, kathmandu}).Draw(t, "zone")
		date := time.UnixMicro(rapid.Int64Range(-1e17, 1e18).Draw(t, "microseconds")).In(zone)
		if rapid.Bool().Draw(t, "whole") {
			date = date.Truncate(time.Second)
		}
		text := textdate.Format(date)
		if want := strings.TrimSuffix(date.Format("2006-01-02 15:04:05.000000"), ".000000"); text != want {
			t.Fatalf("%q, want %q", text, want)
		}
		if year := date.Year(); year < 0 || year > 9999 {
			return
		}
		if back, err := textdate.Parse(text, zone); err != nil || !back.Equal(date) {
			t.Fatalf("%q was read as %v, %v", text, back, err)
		}
	})
	want := time.Date(2026, 11, 23, 4, 5, 6, 0, time.UTC)
	for text, ok := range map[string]bool{
		"2026-11-23 04:05:06":              true,
		"2026-11-23 04:05:06.0":            true,
		"2026-11-23 04:05:06.000000000":    true,
		"2026-11-23 04:05:06+00:00":        true,
		"2026-11-23 09:50:06+05:45":        true,
		"2026-11-23T04:05:06Z":             true,
		"2026-11-23T04:05:06":              false,
		"2026-11-23 04:05:06 ":             false,
		"2026-11-23 24:05:06":              false,
		"2026-02-30 04:05:06":              false,
		"2026-11-23":                       false,
		"2026-11-23 ":                      false,
		"":                                 false,
		"never before noon, if you please": false,
	} {
		got, err := textdate.Parse(text, time.UTC)
		if (err == nil) != ok || ok && !got.Equal(want) {
			t.Errorf("%q was read as %v, %v", text, got, err)
		}
	}
}
