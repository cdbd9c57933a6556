// Command bench measures ginsession beside its peers, in the same process, the same databases
// and the same rounds, and writes RESULTS.md and the plots. See the Makefile's targets bench,
// bench-quick, bench-scale and bench-soak.
package main

import (
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
)

func main() {
	log.SetFlags(log.Ltime)
	gin.SetMode(gin.ReleaseMode)
	programs := map[string]func(args []string) error{
		"run": run, "scale": scale, "soak": soak, "serve": serveSite, "fill": fill,
	}
	if len(os.Args) < 2 || programs[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: bench run|scale|soak [flags]")
		os.Exit(2)
	}
	if err := programs[os.Args[1]](os.Args[2:]); err != nil {
		log.Fatal(err)
	}
}

// run measures everything that takes minutes.
func run(args []string) error {
	flags := flag.NewFlagSet("run", flag.ExitOnError)
	var p plan
	flags.IntVar(&p.rounds, "rounds", 15, "how often each subject has its turn at each task")
	flags.DurationVar(&p.slice, "slice", 100*time.Millisecond, "how long a turn takes")
	flags.IntVar(&p.iterations, "iterations", 0, "how many operations a turn has, whatever it takes; 0 for -slice")
	only := flags.String("only", "", "the sections to measure, separated by commas; all if it is empty")
	rows := flags.Int("cleaning", 1_000_000, "how many rows the tables to clean have; 0 for none")
	print := flags.Bool("print", false, "print the results and write no file")
	_ = flags.Parse(args)

	m := &measured{sections: map[string]result{}, cleaning: map[string]cleaning{}}
	var order []string
	began := time.Now()
	for _, s := range sections() {
		if *only != "" && !listed(*only, s.id) {
			continue
		}
		log.Printf("%s (%v so far)", s.title, time.Since(began).Round(time.Second))
		r, err := s.run(p)
		if err != nil {
			return fmt.Errorf("%s: %w", s.title, err)
		}
		m.sections[s.id] = r
		order = append(order, s.id)
	}
	for _, database := range []string{"PostgreSQL", "SQLite"} {
		if *rows == 0 || *only != "" && !listed(*only, "cleaning") {
			continue
		}
		c, err := clean(database, *rows)
		if errors.Is(err, errNoServer) {
			log.Printf("cleaning %s: left out: %v", database, err)
			continue
		}
		if err != nil {
			return fmt.Errorf("cleaning %s: %w", database, err)
		}
		m.cleaning[database] = c
	}
	log.Printf("measured in %v", time.Since(began).Round(time.Second))
	if *print {
		printRun(m, order)
		return nil
	}
	if err := drawPlots(m); err != nil {
		return err
	}
	return writeRun(m, order, p)
}

func listed(list, name string) bool {
	for item := range strings.SplitSeq(list, ",") {
		if item == name {
			return true
		}
	}
	return false
}
