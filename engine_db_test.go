package ginsession_test

import (
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"
	"pgregory.net/rapid"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/enginetest"
)

func TestDBStore(t *testing.T) {
	forEachEmptyDB(t, func(t *testing.T, db *gorm.DB) {
		enginetest.Store(t, func(t *testing.T) ginsession.Store {
			return openStore(t, ginsession.Config{Engine: ginsession.DB(db, ginsession.TableName(newTable(t, db)))})
		})
	})
}

// openStore opens an engine and returns its store.
func openStore(t *testing.T, cfg ginsession.Config) ginsession.Store {
	t.Helper()
	store, err := ginsession.OpenStore(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return store
}

func TestDBEngine(t *testing.T) {
	forEachEmptyDB(t, func(t *testing.T, db *gorm.DB) {
		enginetest.Engine(t, func(t *testing.T) ginsession.Engine {
			return ginsession.DB(db, ginsession.TableName(newTable(t, db)))
		})
	})
}

// Dates in text are those of time.Format and time.Parse, in every zone, and like Python's have no
// fraction of a whole second.
func TestTextDates(t *testing.T) {
	kathmandu := time.FixedZone("+0545", 5*3600+45*60)
	rapid.Check(t, func(t *rapid.T) {
		zone := rapid.SampledFrom([]*time.Location{time.UTC, kathmandu}).Draw(t, "zone")
		date := time.UnixMicro(rapid.Int64Range(-1e17, 1e18).Draw(t, "microseconds")).In(zone)
		if rapid.Bool().Draw(t, "whole") {
			date = date.Truncate(time.Second)
		}
		text := ginsession.TextDate(date)
		if want := strings.TrimSuffix(date.Format("2006-01-02 15:04:05.000000"), ".000000"); text != want {
			t.Fatalf("%q, want %q", text, want)
		}
		if year := date.Year(); year < 0 || year > 9999 {
			return
		}
		if back, err := ginsession.ParseTextDate(text, zone); err != nil || !back.Equal(date) {
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
		got, err := ginsession.ParseTextDate(text, time.UTC)
		if (err == nil) != ok || ok && !got.Equal(want) {
			t.Errorf("%q was read as %v, %v", text, got, err)
		}
	}
}
