// Command torture has many clients change sessions over real HTTP, in several processes, while a proxy
// delays, cuts and swallows what the processes and the store say to each other, and processes are
// killed. It counts what was acknowledged and is lost, what was done twice, and which ended sessions
// live: of ginsession on every engine, and of other session packages.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"
	"time"
)

func main() {
	if text := os.Getenv(workerEnv); text != "" {
		exit(work(text))
	}
	c := campaign{out: os.Stdout}
	flag.StringVar(&c.engine, "engine", "", "the engines whose names begin so; all if empty")
	flag.DurationVar(&c.duration, "for", 10*time.Second, "how long each is tortured")
	flag.Uint64Var(&c.seed, "seed", 1, "of the choices of clients and faults")
	flag.IntVar(&c.processes, "processes", 2, "worker processes")
	flag.IntVar(&c.clients, "clients", 8, "visitors at the same time, with three requests each")
	selfCheck := flag.Bool("selfcheck", false, "torture stores that are broken on purpose, and find each of them")
	flag.Parse()
	if *selfCheck {
		exit(c.selfCheck(context.Background()))
	}
	exit(c.run(context.Background()))
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "torture:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// run tortures the engines one after the other. It returns an error if one of ginsession's has broken
// a promise.
func (c *campaign) run(ctx context.Context) error {
	table := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "engine\toperations\tacknowledged\tlost\tdoubled\ttorn\trevived\tstale\tunreachable\t")
	var broken []string
	tortured := 0
	for _, s := range subjects() {
		if !strings.HasPrefix(s.name, c.engine) {
			continue
		}
		tortured++
		if missing := s.missing(); missing != "" {
			fmt.Fprintf(table, "%s\t%s is not set\t\t\t\t\t\t\t\t\n", s.name, missing)
			continue
		}
		r, err := c.torture(ctx, s)
		if err != nil {
			return errors.Join(table.Flush(), fmt.Errorf("%s: %w", s.name, err))
		}
		fmt.Fprintf(table, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t\n", s.name, r.operations, r.acknowledged, r.lost, r.doubled, r.torn, r.revived, r.stale, r.unreachable)
		if !s.peer && r.broken() > 0 {
			broken = append(broken, s.name)
		}
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if tortured == 0 {
		return fmt.Errorf("no engine's name begins with %q", c.engine)
	}
	if len(broken) > 0 {
		return fmt.Errorf("a promise was broken by %s", strings.Join(broken, "; "))
	}
	return nil
}

func (s subject) missing() string {
	for _, name := range s.needs {
		if os.Getenv(name) == "" {
			return name
		}
	}
	return ""
}
