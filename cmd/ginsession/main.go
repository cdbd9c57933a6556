// Command ginsession maintains a site's sessions from outside the site's program: it creates
// their table, removes expired ones, counts them, and prints one by its cookie's key.
// "ginsession help" lists the commands and flags.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

// The exit statuses.
const (
	statusFailed      = 1
	statusUsage       = 2
	statusInterrupted = 130 // 128 + SIGINT, as in shells
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program at once
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr, os.Getenv))
}

// An environment is what a command reads and writes besides its arguments.
type environment struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	getenv         func(name string) string
	secrets        secrets
}

// learnSecrets collects the passwords that an error could quote.
func (e *environment) learnSecrets(args []string) {
	for _, name := range []string{"DATABASE_URL", "CACHE_URL"} {
		e.secrets.learn(e.getenv(name))
	}
	e.secrets.add(e.getenv("PGPASSWORD")) // read by pgx
	for _, arg := range args {
		e.secrets.learn(arg)
	}
}

// run runs the command that args name and returns the exit status. Results are written to
// stdout. Errors, with what to do next, and progress are written to stderr.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer, getenv func(string) string) int {
	e := &environment{stdin: stdin, stdout: stdout, stderr: stderr, getenv: getenv}
	e.learnSecrets(args)
	err := dispatch(ctx, e, args)
	if err == nil {
		return 0
	}
	fmt.Fprintf(stderr, "ginsession: %s\n", e.secrets.hide(strings.TrimPrefix(err.Error(), "ginsession: ")))
	var problem *problem
	if errors.As(err, &problem) && problem.next != "" {
		fmt.Fprintln(stderr, e.secrets.hide(strings.TrimSpace(problem.next)))
	}
	switch {
	case ctx.Err() != nil:
		return statusInterrupted
	case problem != nil && problem.usage:
		return statusUsage
	default:
		return statusFailed
	}
}

// A problem is an error together with what to do next.
type problem struct {
	err   error
	next  string // one or more lines
	usage bool   // the command line is wrong
}

func (p *problem) Error() string { return p.err.Error() }
func (p *problem) Unwrap() error { return p.err }

// misuse returns a problem with the command line, or with the environment variables.
func misuse(next, format string, args ...any) error {
	return &problem{fmt.Errorf(format, args...), next, true}
}

// trouble returns a problem with anything else.
func trouble(next, format string, args ...any) error {
	return &problem{fmt.Errorf(format, args...), next, false}
}
