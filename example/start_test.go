package main

import (
	"bytes"
	"cmp"
	"context"
	"io"
	"log"
	"net"
	"os"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
)

// A started is what the program wrote: to its output, through gin, and to the log.
type started struct {
	out, gin, log string
}

// start runs the program and stops it as soon as it serves.
func start(t *testing.T, args ...string) (s started, err error) {
	t.Helper()
	var out, fromGin, logged bytes.Buffer
	gin.DefaultWriter = &fromGin
	log.SetOutput(&logged)
	defer func() {
		gin.SetMode(gin.TestMode)
		gin.DefaultWriter = io.Discard
		log.SetOutput(os.Stderr)
	}()
	stopped, stop := context.WithCancel(t.Context())
	stop()
	err = run(stopped, append([]string{"-dsn", newSQLite(t)}, args...), &out)
	return started{out.String(), fromGin.String(), logged.String()}, err
}

// At the start the program prints its address, and the library's warnings are not hidden.
func TestStartIsQuiet(t *testing.T) {
	const insecure = "CookieSecure is off in release mode"
	for _, test := range []struct {
		mode   string
		routes bool // are listed
		args   []string
		warns  bool
	}{
		{"", false, nil, true},
		{"", false, []string{"-https"}, false},
		{"release", false, nil, true},
		{"debug", true, nil, false},
	} {
		t.Setenv("GIN_MODE", test.mode)
		gin.SetMode(cmp.Or(test.mode, gin.DebugMode)) // as gin does when it starts outside tests
		s, err := start(t, append(test.args, "-addr=127.0.0.1:0")...)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(s.out, "The shop is open at http://127.0.0.1:") || strings.Count(s.out, "\n") != 1 {
			t.Errorf("GIN_MODE=%s: the output is %q", test.mode, s.out)
		}
		if got := s.gin != ""; got != test.routes {
			t.Errorf("GIN_MODE=%s: gin says %q", test.mode, s.gin)
		}
		if got := strings.Contains(s.log, insecure); got != test.warns {
			t.Errorf("GIN_MODE=%s %v: the log is %q", test.mode, test.args, s.log)
		}
	}
}

func TestAddressInUse(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	s, err := start(t, "-addr", taken.Addr().String())
	if err == nil || !strings.HasSuffix(err.Error(), ": choose another address with -addr") {
		t.Errorf("the error is %v", err)
	}
	if s.out != "" {
		t.Errorf("the output is %q", s.out)
	}
}
