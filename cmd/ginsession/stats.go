package main

import (
	"context"
	"flag"
	"fmt"
	"text/tabwriter"
	"time"
)

var statsCommand = command{
	name:    "stats",
	summary: "count the sessions and their bytes",
	text: `Prints how many sessions are live, how many have expired and are not removed
yet, the size of their records, and the earliest and the latest expiry.
It reads the whole table, or with --engine=file every file.

With --engine=file, --cookie-age and the secret key must be those of the site:
the expiry of a session in a file is computed from its record. Records that
cannot be read with these settings are counted as "unreadable".
Sessions in caches and in signed cookies cannot be listed.

The fields of --json:
  live, expired, unreadable       numbers of sessions
  data_bytes, largest_record      bytes, of all records and of the largest one
  earliest_expiry, latest_expiry  RFC 3339 in UTC; null if there is no session`,
	examples: `  ginsession stats --dsn sqlite:app.db
  ginsession stats --engine file --dir /var/lib/shop/sessions
  ginsession stats --table django_session --time-zone Europe/Paris
`,
	prepare: prepareStats,
}

func prepareStats(flags *flag.FlagSet) action {
	var f siteFlags
	f.register(flags)
	asJSON := registerJSON(flags)
	return func(ctx context.Context, e *environment, _ []string) error {
		en, err := f.chosen()
		if err != nil {
			return err
		}
		if en.uncountable != "" {
			return trouble("", "the sessions cannot be counted: %s", en.uncountable)
		}
		s, err := f.open(ctx, e)
		if err != nil {
			return err
		}
		defer s.close()
		now := time.Now()
		sum, err := s.inventory.totals(ctx, now)
		if err != nil {
			return err
		}
		if *asJSON {
			return sum.printJSON(e)
		}
		return sum.print(e, now)
	}
}

func (sum totals) printJSON(e *environment) error {
	return e.printJSON(struct {
		Live           int64      `json:"live"`
		Expired        int64      `json:"expired"`
		Unreadable     int64      `json:"unreadable"`
		DataBytes      int64      `json:"data_bytes"`
		LargestRecord  int64      `json:"largest_record"`
		EarliestExpiry *time.Time `json:"earliest_expiry"`
		LatestExpiry   *time.Time `json:"latest_expiry"`
	}{sum.live, sum.sessions - sum.live, sum.unreadable, sum.bytes, sum.largest, instant(sum.earliest), instant(sum.latest)})
}

func (sum totals) print(e *environment, now time.Time) error {
	w := tabwriter.NewWriter(e.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "live\t%d\n", sum.live)
	fmt.Fprintf(w, "expired\t%d\n", sum.sessions-sum.live)
	if sum.unreadable > 0 {
		fmt.Fprintf(w, "unreadable\t%d\n", sum.unreadable)
	}
	fmt.Fprintf(w, "data bytes\t%d\n", sum.bytes)
	fmt.Fprintf(w, "largest record\t%d\n", sum.largest)
	fmt.Fprintf(w, "earliest expiry\t%s\n", moment(sum.earliest, now))
	fmt.Fprintf(w, "latest expiry\t%s\n", moment(sum.latest, now))
	return w.Flush()
}

// moment returns a date in UTC with its distance from now, or "none" for the zero time.
func moment(at, now time.Time) string {
	if at.IsZero() {
		return "none"
	}
	text := at.UTC().Format("2006-01-02 15:04:05 UTC")
	if at.After(now) {
		return text + " (in " + span(at.Sub(now)) + ")"
	}
	return text + " (" + span(now.Sub(at)) + " ago)"
}

// span returns a duration in its largest unit of which it has at least 2, rounded down.
func span(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d >= 2*day:
		return count(int64(d/day), "day")
	case d >= 2*time.Hour:
		return count(int64(d/time.Hour), "hour")
	case d >= 2*time.Minute:
		return count(int64(d/time.Minute), "minute")
	default:
		return count(int64(d/time.Second), "second")
	}
}
