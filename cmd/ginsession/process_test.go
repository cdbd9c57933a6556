//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// openTerminal creates a pseudo-terminal and returns both of its ends.
func openTerminal(t *testing.T, columns uint16) (master, slave *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = master.Close() })
	fd := int(master.Fd())
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		err = unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: columns})
	}
	if err != nil {
		t.Fatal(err)
	}
	slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = slave.Close() })
	return master, slave
}

func TestProgressBar(t *testing.T) {
	tt := newTestTable(t, sqliteDSN(t))
	for _, test := range []struct {
		columns uint16
		golden  string
	}{{80, "progress"}, {40, "progress_narrow"}, {20, "progress_tiny"}} {
		saveEnding(t, tt.manager(t), 4, longAgo)
		master, slave := openTerminal(t, test.columns)
		var stdout bytes.Buffer
		status := run(t.Context(), tt.args("clearsessions", "--batch=2"), nil, &stdout, slave, func(string) string { return "" })
		if status != 0 || stdout.String() != "4 expired sessions removed.\n" {
			t.Errorf("status %d, stdout %q", status, stdout.String())
		}
		_ = slave.Close()
		drawn, err := io.ReadAll(master)
		if err != nil && !errors.Is(err, syscall.EIO) { // Linux returns it after the last slave is closed
			t.Fatal(err)
		}
		golden(t, test.golden, fmt.Sprintf("%s\n", strings.ReplaceAll(fmt.Sprintf("%q", drawn), `\r`, "\n")))
	}
}

func TestNoProgressBarOnADumbTerminal(t *testing.T) {
	tt := newTestTable(t, sqliteDSN(t))
	saveEnding(t, tt.manager(t), 4, longAgo)
	master, slave := openTerminal(t, 80)
	dumb := func(name string) string { return map[string]string{"TERM": "dumb"}[name] }
	if status := run(t.Context(), tt.args("clearsessions"), nil, io.Discard, slave, dumb); status != 0 {
		t.Errorf("status %d", status)
	}
	_ = slave.Close()
	if drawn, _ := io.ReadAll(master); len(drawn) > 0 {
		t.Errorf("drew %q on a terminal that cannot", drawn)
	}
}

// A process is a running ginsession whose standard error is a terminal.
type process struct {
	cmd    *exec.Cmd
	stdout bytes.Buffer
	mu     sync.Mutex
	drawn  bytes.Buffer
	done   chan struct{}
}

func startProcess(t *testing.T, args ...string) *process {
	t.Helper()
	master, slave := openTerminal(t, 80)
	p := &process{cmd: exec.Command(os.Args[0], args...), done: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), "RUN_AS_GINSESSION=1", "TERM=xterm")
	p.cmd.Stdout, p.cmd.Stderr = &p.stdout, slave
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.cmd.Process.Kill() })
	_ = slave.Close()
	go func() {
		defer close(p.done)
		buffer := make([]byte, 1024)
		for {
			n, err := master.Read(buffer)
			p.mu.Lock()
			p.drawn.Write(buffer[:n])
			p.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	return p
}

// await waits until the process has written text to its terminal.
func (p *process) await(t *testing.T, text string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !strings.Contains(p.text(), text) {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("%q did not appear in %q", text, p.text())
		}
	}
}

func (p *process) text() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.drawn.String()
}

// After Ctrl-C the command says how many sessions it has removed; the others stay.
func TestInterruptSaysWhatWasRemoved(t *testing.T) {
	forEachDatabase(t, func(t *testing.T, tt testTable) {
		saveEnding(t, tt.manager(t), 5, longAgo)
		p := startProcess(t, tt.args("clearsessions", "--batch=2", "--pause=1h")...)
		p.await(t, "40%")
		if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
			t.Fatal(err)
		}
		err := p.cmd.Wait()
		<-p.done
		if p.cmd.ProcessState.ExitCode() != 130 || p.stdout.Len() > 0 {
			t.Errorf("ended with %v, stdout %q", err, p.stdout.String())
		}
		const want = "\r\x1b[Kginsession: interrupted: 2 expired sessions removed so far\r\nRun the command again to remove the rest.\r\n"
		if !strings.HasSuffix(p.text(), want) {
			t.Errorf("the terminal shows %q, want at its end %q", p.text(), want)
		}
		if n := tt.count(t); n != 3 {
			t.Errorf("%d sessions are left, want 3", n)
		}
	})
}
