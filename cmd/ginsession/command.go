package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
)

// A command is what the first word of the command line names, with its help.
type command struct {
	name      string
	arguments string // of the usage line
	summary   string // a line of the overview
	text      string // what it does, in a paragraph or two
	examples  string
	prepare   func(flags *flag.FlagSet) action
}

// An action runs a command after its flags have been parsed.
type action func(ctx context.Context, e *environment, args []string) error

func commands() []command {
	return []command{migrateCommand, clearCommand, showCommand, sessionsCommand, endCommand, statsCommand, versionCommand}
}

// dispatch runs the command that args[0] names.
func dispatch(ctx context.Context, e *environment, args []string) error {
	if len(args) == 0 {
		return misuse(overview(), "which command?")
	}
	switch args[0] {
	case "help", "-h", "-help", "--help":
		return help(e, args[1:])
	case "--version", "-version":
		return printVersion(ctx, e, nil)
	}
	if strings.HasPrefix(args[0], "-") {
		return misuse(`Write "ginsession COMMAND [flags]", or run "ginsession help".`, "the command comes first, then its flags")
	}
	c, err := find(args[0])
	if err != nil {
		return err
	}
	return c.run(ctx, e, args[1:])
}

func (c command) run(ctx context.Context, e *environment, args []string) error {
	flags := c.flags()
	act := c.prepare(flags)
	args, err := parse(flags, args)
	if errors.Is(err, flag.ErrHelp) {
		_, err = io.WriteString(e.stdout, c.help())
		return err
	}
	if err != nil {
		return misuse(c.seeHelp(), "%s: %s", c.name, flagError(err))
	}
	if c.arguments == "" && len(args) > 0 {
		return misuse(c.seeHelp(), "%s takes no argument, but was given %s", c.name, quote(args[0]))
	}
	return act(ctx, e, args)
}

func (c command) flags() *flag.FlagSet {
	flags := flag.NewFlagSet(c.name, flag.ContinueOnError)
	flags.SetOutput(io.Discard) // run reports errors
	return flags
}

// parse parses the flags, which may stand before, between and after the arguments, and returns
// the arguments.
func parse(flags *flag.FlagSet, args []string) ([]string, error) {
	var arguments []string
	for {
		if err := flags.Parse(args); err != nil {
			return nil, err
		}
		if flags.NArg() == 0 {
			return arguments, nil
		}
		arguments = append(arguments, flags.Arg(0))
		args = flags.Args()[1:]
	}
}

// find returns the command with this name. If there is none, the error suggests the most similar.
func find(name string) (command, error) {
	for _, c := range commands() {
		if c.name == name {
			return c, nil
		}
	}
	next := `Run "ginsession help" for the list of commands.`
	for _, c := range commands() {
		if strings.HasPrefix(c.name, name) || distance(c.name, name) <= 2 {
			next = fmt.Sprintf("Did you mean %q?", "ginsession "+c.name)
		}
	}
	return command{}, misuse(next, "there is no command %s", quote(name))
}

// distance returns how many bytes must be added, removed or replaced to turn a into b
// (the Levenshtein distance).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replaced := diagonal
			if a[i] != b[j] {
				replaced++
			}
			diagonal = row[j+1]
			row[j+1] = min(replaced, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
