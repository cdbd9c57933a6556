package main

import (
	"bufio"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// djangoProgram serves the requests in a process of its own and tells how long they took.
//
//go:embed django_requests.py
var djangoProgram string

// python is the interpreter that Debian's python3-django is for.
const python = "/usr/bin/python3"

// django is a site on Django and its db engine, in the same kind of database.
func django(database string) subject {
	return subject{"Django db, " + database, peer, func(e *environment) (*instance, error) {
		config, err := djangoDatabase(e, database)
		if err != nil {
			return nil, err
		}
		p, err := startDjango(e, config)
		if err != nil {
			return nil, err
		}
		return &instance{run: p.run, close: e.close}, nil
	}}
}

// djangoDatabase is Django's DATABASES["default"].
func djangoDatabase(e *environment, database string) (map[string]any, error) {
	if database == "SQLite" {
		dir, err := e.folder()
		return map[string]any{"ENGINE": "django.db.backends.sqlite3", "NAME": filepath.Join(dir, "django.db")}, err
	}
	dsn, err := e.postgresDSN()
	if err != nil {
		return nil, err
	}
	c, err := pgx.ParseConfig(dsn)
	if err != nil {
		return nil, err
	}
	return map[string]any{
		"ENGINE": "django.db.backends.postgresql", "CONN_MAX_AGE": nil,
		"HOST": c.Host, "PORT": c.Port, "NAME": c.Database, "USER": c.User, "PASSWORD": c.Password,
		"OPTIONS": map[string]string{"options": "-c synchronous_commit=on -c search_path=" + c.RuntimeParams["search_path"]},
	}, nil
}

type djangoProcess struct {
	version string
	stdin   io.Writer
	stdout  *bufio.Reader
}

func startDjango(e *environment, database map[string]any) (*djangoProcess, error) {
	config, err := json.Marshal(database)
	if err != nil {
		return nil, err
	}
	var values []map[string]any
	for _, session := range e.content.sessions(baseRows) {
		v := map[string]any{}
		for _, p := range session {
			v[p.key] = p.value
		}
		values = append(values, v)
	}
	sessions, err := json.Marshal(values)
	if err != nil {
		return nil, err
	}
	dir, err := e.folder()
	if err != nil {
		return nil, err
	}
	list := filepath.Join(dir, "sessions.json")
	if err := os.WriteFile(list, sessions, 0o600); err != nil {
		return nil, err
	}
	cmd := exec.Command(python, "-I", "-c", djangoProgram, string(config), list)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	e.onClose(func() {
		_ = stdin.Close()
		_ = cmd.Wait()
	})
	p := &djangoProcess{stdin: stdin, stdout: bufio.NewReader(stdout)}
	p.version, err = p.answer()
	return p, err
}

func (p *djangoProcess) answer() (string, error) {
	line, err := p.stdout.ReadString('\n')
	if err != nil {
		return "", fmt.Errorf("the Django process has ended (it needs python3-django and python3-psycopg2): %w", err)
	}
	return strings.TrimSpace(line), nil
}

func (p *djangoProcess) run(t task, n int) (sample, error) {
	if _, err := fmt.Fprintln(p.stdin, method(t.op), paths[t.op], n); err != nil {
		return sample{}, err
	}
	line, err := p.answer()
	if err != nil {
		return sample{}, err
	}
	seconds, err := strconv.ParseFloat(line, 64)
	return sample{elapsed: time.Duration(seconds * float64(time.Second))}, err
}
