package django_test

import (
	"bufio"
	"bytes"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestExample does what the README of example/django says.
func TestExample(t *testing.T) {
	python := findDjango(t)
	site := filepath.Join(t.TempDir(), "site")
	if err := os.CopyFS(site, os.DirFS("../../example/django/site")); err != nil {
		t.Fatal(err)
	}
	manage := func(args ...string) *exec.Cmd {
		cmd := exec.Command(python, append([]string{"manage.py"}, args...)...)
		cmd.Dir = site
		cmd.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1", "DJANGO_SUPERUSER_PASSWORD=countess")
		return cmd
	}
	run(t, manage("migrate"))
	run(t, manage("createsuperuser", "--noinput", "--username=ada", "--email=ada@example.org"))
	django := startRunserver(t, manage)

	program := filepath.Join(t.TempDir(), "gin")
	run(t, exec.Command("go", "build", "-o", program, "github.com/ginsession/ginsession/example/django"))
	gin := startProgram(t, exec.Command(program, "-addr=127.0.0.1:0", "-db="+filepath.Join(site, "site.db")))

	b := newBrowser(t)
	send := func(address, path string, form url.Values) {
		t.Helper()
		if match := csrfInput.FindStringSubmatch(b.get(address)); match != nil {
			form.Set("csrfmiddlewaretoken", match[1])
		}
		b.post(address+path, form)
	}
	see := func(want ...string) {
		t.Helper()
		for _, address := range []string{django, gin} {
			text := b.get(address)
			for _, w := range want {
				if !strings.Contains(text, w) {
					t.Errorf("no %q in\n%s", w, text)
				}
			}
		}
	}
	send(django, "/", url.Values{"item": {"tea"}})
	send(django, "/admin/login/", url.Values{"username": {"ada"}, "password": {"countess"}, "next": {"/"}})
	see("Hello, ada", "tea")
	send(gin, "/", url.Values{"item": {"milk"}})
	see("Hello, ada", "tea", "milk")
	send(gin, "/logout", url.Values{})
	see("Sign in")
	send(django, "/admin/login/", url.Values{"username": {"ada"}, "password": {"countess"}, "next": {"/"}})
	see("Hello, ada")
	send(django, "/admin/logout/", url.Values{})
	see("Sign in")
}

var csrfInput = regexp.MustCompile(`name="csrfmiddlewaretoken" value="(\w+)"`)

func run(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if output, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", cmd.Args, err, output)
	}
}

// startRunserver starts Django's own server, and returns its address.
func startRunserver(t *testing.T, manage func(...string) *exec.Cmd) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := listener.Addr().String() // runserver cannot choose one
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	cmd := manage("runserver", "--noreload", addr)
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	ended := make(chan error, 1)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-ended
	})

	poll := time.NewTicker(50 * time.Millisecond)
	defer poll.Stop()
	timeout := time.After(time.Minute)
	for {
		if response, err := http.Get("http://" + addr); err == nil {
			response.Body.Close()
			return "http://" + addr
		}
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("runserver: %v\n%s", err, &output)
		case <-timeout:
			t.Fatal("runserver does not answer")
		case <-poll.C:
		}
	}
}

// startProgram starts the Gin program, and returns the address that it logs.
func startProgram(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	cmd.Env = append(os.Environ(), "GIN_MODE=release")
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	said := bufio.NewScanner(stderr)
	for said.Scan() {
		if i := strings.Index(said.Text(), "http://"); i >= 0 {
			return strings.TrimSuffix(said.Text()[i:], "/")
		}
	}
	t.Fatal("the Gin program has ended")
	return ""
}
