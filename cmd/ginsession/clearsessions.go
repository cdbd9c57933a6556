package main

import (
	"context"
	"flag"
	"fmt"
	"time"

	"github.com/ginsession/ginsession"
)

var clearCommand = command{
	name:    "clearsessions",
	summary: "remove expired sessions",
	text: `Removes expired sessions in small batches, so that the site never waits for
long. It may run while the site runs, and on several machines at once.
Ctrl-C stops it; sessions that are removed by then stay removed.

It shows its progress if standard error is a terminal. Run it from cron, or
call Manager.StartCleaner in the site's program instead.

With --engine=file, --cookie-age and the secret key must be those of the site:
the expiry of a session in a file is computed from its record, and with other
settings live sessions would be removed.
Sessions in a cache expire by themselves, and signed cookies are not stored on
the server: with these engines the command does nothing, and says so.`,
	examples: `  ginsession clearsessions --dsn sqlite:app.db --dry-run
  ginsession clearsessions --engine file --dir /var/lib/shop/sessions
  0 4 * * *  DATABASE_URL=postgres://app@db/shop ginsession clearsessions
  ginsession clearsessions --table django_session --batch 200 --pause 50ms
`,
	prepare: prepareClear,
}

// maxBatch is the largest batch size that ginsession.ClearBatchSize accepts.
const maxBatch = 5000

type clearFlags struct {
	siteFlags
	dryRun bool
	batch  int
	pause  *time.Duration // nil: the engine's default
}

func prepareClear(flags *flag.FlagSet) action {
	var f clearFlags
	f.register(flags)
	flags.BoolVar(&f.dryRun, "dry-run", false, "count the expired sessions, remove none")
	flags.IntVar(&f.batch, "batch", 1000, fmt.Sprintf("how many `sessions` to remove at once, 1 to %d", maxBatch))
	flags.Func("pause", "how long to wait between two batches, a `duration`\nsuch as 20ms or 1s; if it is not given, 5ms, or none\nwith PostgreSQL, whose writers do not wait for the table", func(text string) error {
		pause, err := time.ParseDuration(text)
		f.pause = &pause
		return err
	})
	return f.run
}

func (f *clearFlags) run(ctx context.Context, e *environment, _ []string) error {
	if f.batch < 1 || f.batch > maxBatch {
		return misuse("", "--batch must be 1 to %d", maxBatch)
	}
	if f.pause != nil && *f.pause < 0 {
		return misuse("", "--pause must not be negative")
	}
	en, err := f.chosen()
	if err != nil {
		return err
	}
	if en.nothingToClear != "" {
		_, err := fmt.Fprintf(e.stdout, "There is nothing to remove: %s.\n", en.nothingToClear)
		return err
	}
	s, err := f.open(ctx, e)
	if err != nil {
		return err
	}
	defer s.close()
	if f.dryRun {
		n, err := s.inventory.expired(ctx, time.Now())
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(e.stdout, "%s would be removed.\n", count(n, "expired session"))
		return err
	}
	return f.clear(ctx, e, s)
}

func (f *clearFlags) clear(ctx context.Context, e *environment, s *site) error {
	options := []ginsession.ClearOption{ginsession.ClearBatchSize(f.batch)}
	if f.pause != nil {
		pause := *f.pause
		if pause == 0 {
			pause = -1 // none, which 0 is not to the library
		}
		options = append(options, ginsession.ClearPause(pause))
	}
	var bar *progressBar
	if t, ok := terminalOf(e); ok {
		total, err := s.inventory.expired(ctx, time.Now())
		if err != nil {
			return err
		}
		bar = &progressBar{terminal: t, total: total}
		bar.draw(0)
		options = append(options, ginsession.ClearProgress(bar.draw))
	}
	removed, err := s.manager.ClearExpired(ctx, options...)
	bar.erase()
	switch {
	case ctx.Err() != nil:
		return trouble("Run the command again to remove the rest.", "interrupted: %s removed so far", count(removed, "expired session"))
	case err != nil:
		return trouble(count(removed, "expired session")+" removed before that. Run the command again to remove the rest.", "%w", err)
	}
	_, err = fmt.Fprintf(e.stdout, "%s removed.\n", count(removed, "expired session"))
	return err
}
