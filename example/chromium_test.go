package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"testing"
	"time"
)

// A browser is a headless Chromium, driven by the Chrome DevTools Protocol through a pair of pipes
// (--remote-debugging-pipe): JSON messages that end with a zero byte.
type browser struct {
	t       *testing.T
	in      io.Writer
	out     *bufio.Reader
	lastID  int
	session string // of the page
}

func startBrowser(t *testing.T) *browser {
	t.Helper()
	program := chromium(t)
	commandsRead, commandsWrite := pipe(t)
	answersRead, answersWrite := pipe(t)
	cmd := exec.Command(program, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
		"--disable-dev-shm-usage", "--disable-background-networking", "--disable-component-update", "--disable-sync",
		"--remote-debugging-pipe", "--user-data-dir="+t.TempDir())
	cmd.ExtraFiles = []*os.File{commandsRead, answersWrite} // descriptors 3 and 4
	var log bytes.Buffer
	cmd.Stderr = &log // Wait then waits for all of its processes, which write into the folder
	cmd.WaitDelay = 30 * time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_, _ = commandsRead.Close(), answersWrite.Close()
	b := &browser{t: t, in: commandsWrite, out: bufio.NewReader(answersRead)}
	t.Cleanup(func() {
		b.session = ""
		b.call("Browser.close", nil, nil)
		if err := cmd.Wait(); err != nil {
			t.Errorf("Chromium: %v\n%s", err, log.String())
		}
	})
	if err := answersRead.SetReadDeadline(time.Now().Add(5 * time.Minute)); err != nil {
		t.Fatal(err)
	}
	var target struct{ TargetID string }
	b.call("Target.createTarget", object{"url": "about:blank"}, &target)
	var attached struct{ SessionID string }
	b.call("Target.attachToTarget", object{"targetId": target.TargetID, "flatten": true}, &attached)
	b.session = attached.SessionID
	return b
}

// chromium returns the browser's program. If there is none, the test is skipped, or fails if CI is
// true.
func chromium(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if os.Getenv("CI") == "true" {
		t.Fatal("there is no Chromium: install it (apt-get install chromium)")
	}
	t.Skip("SKIPPED: there is no Chromium: install it (apt-get install chromium)")
	return ""
}

func pipe(t *testing.T) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = r.Close(), w.Close() })
	return r, w
}

type object = map[string]any

// call runs a command in the browser and decodes its answer into result, unless result is nil.
func (b *browser) call(method string, parameters object, result any) {
	b.t.Helper()
	if err := b.tryCall(method, parameters, result); err != nil {
		b.t.Fatalf("%s: %v", method, err)
	}
}

func (b *browser) tryCall(method string, parameters object, result any) error {
	b.lastID++
	request := object{"id": b.lastID, "method": method, "params": parameters}
	if parameters == nil {
		request["params"] = object{}
	}
	if b.session != "" {
		request["sessionId"] = b.session
	}
	message, err := json.Marshal(request)
	if err != nil {
		return err
	}
	if _, err := b.in.Write(append(message, 0)); err != nil {
		return err
	}
	for {
		message, err := b.out.ReadBytes(0)
		if err != nil {
			return err
		}
		var answer struct {
			ID     int
			Result json.RawMessage
			Error  *struct{ Message string }
		}
		if err := json.Unmarshal(message[:len(message)-1], &answer); err != nil {
			return err
		}
		if answer.ID != b.lastID {
			continue // an event, or a late answer from a page that has gone
		}
		if answer.Error != nil {
			return errors.New(answer.Error.Message)
		}
		if result == nil {
			return nil
		}
		return json.Unmarshal(answer.Result, result)
	}
}

// open loads a page.
func (b *browser) open(url string) {
	b.t.Helper()
	var answer struct{ ErrorText string }
	b.call("Page.navigate", object{"url": url}, &answer)
	if answer.ErrorText != "" {
		b.t.Fatalf("%s: %s", url, answer.ErrorText)
	}
}

// eval returns the value of a JavaScript expression, as text.
func (b *browser) eval(expression string) (string, error) {
	var answer struct {
		Result           struct{ Value any }
		ExceptionDetails *struct{ Text string }
	}
	err := b.tryCall("Runtime.evaluate", object{"expression": expression}, &answer)
	if err == nil && answer.ExceptionDetails != nil {
		err = errors.New(answer.ExceptionDetails.Text)
	}
	return fmt.Sprint(answer.Result.Value), err
}

// wait waits until a JavaScript expression has the value want.
func (b *browser) wait(expression, want string) {
	b.t.Helper()
	deadline := time.NewTimer(20 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		got, err := b.eval(expression)
		if err == nil && got == want {
			return
		}
		select {
		case <-tick.C:
		case <-deadline.C:
			text, _ := b.eval("document.body.innerText")
			b.t.Fatalf("%s is %q (error: %v), want %q, on the page:\n%s", expression, got, err, want, text)
		}
	}
}

// waitTitle waits until a page with the heading want has loaded.
func (b *browser) waitTitle(want string) {
	b.t.Helper()
	b.wait("document.readyState == 'complete' && document.querySelector('h1').innerText", want)
}

// click clicks on the element with this id.
func (b *browser) click(id string) {
	b.t.Helper()
	b.clickOn("#" + id)
}

// clickOn clicks the middle of the first element that the CSS selector finds, as a mouse does.
func (b *browser) clickOn(selector string) {
	b.t.Helper()
	b.wait(fmt.Sprintf("document.readyState == 'complete' && document.querySelector(%q) != null", selector), "true")
	script := fmt.Sprintf("(e => { e.scrollIntoView({block: 'center'}); let r = e.getBoundingClientRect(); return r.x + r.width/2 + ' ' + (r.y + r.height/2) })(document.querySelector(%q))", selector)
	middle, err := b.eval(script)
	if err != nil {
		b.t.Fatalf("there is no %s to click: %v", selector, err)
	}
	var x, y float64
	if _, err := fmt.Sscan(middle, &x, &y); err != nil {
		b.t.Fatal(err)
	}
	for _, event := range []string{"mousePressed", "mouseReleased"} {
		b.call("Input.dispatchMouseEvent", object{"type": event, "x": x, "y": y, "button": "left", "clickCount": 1}, nil)
	}
}

// enter types text into the field with this id.
func (b *browser) enter(id, text string) {
	b.t.Helper()
	b.click(id)
	b.call("Input.insertText", object{"text": text}, nil)
}
