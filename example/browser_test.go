package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"testing"
)

// startShop runs the program and returns its address and a function that stops it as Ctrl-C does.
func startShop(t *testing.T, addr, dsn string, more ...string) (url string, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	out, in := io.Pipe()
	done := make(chan error, 1)
	go func() {
		err := run(ctx, append([]string{"-addr", addr, "-dsn", dsn}, more...), in)
		_ = in.CloseWithError(fmt.Errorf("the shop has stopped: %w", err))
		done <- err
	}()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil {
			t.Errorf("the shop stopped with %v", err)
		}
	}
	t.Cleanup(stop)
	greeting, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	_, url, _ = strings.Cut(greeting, " at ")
	url, _, _ = strings.Cut(url, " ")
	go func() { _, _ = io.Copy(io.Discard, out) }() // until the shop has stopped
	return url, stop
}

// A visitor fills a cart, signs in, comes back after a restart of the server, orders and signs
// out, in a browser.
func TestBrowser(t *testing.T) {
	b := startBrowser(t)
	dsn := "sqlite:" + filepath.Join(t.TempDir(), "shop.db")
	url, stop := startShop(t, "127.0.0.1:0", dsn)

	b.open(url)
	b.waitTitle("Paper and ink")
	b.click("add-ink")
	b.wait("document.querySelector('[role=status]').innerText", "Bottled ink: added to your cart.")
	b.click("add-pen")
	b.wait("document.getElementById('items').innerText.trim()[0]", "2")

	b.open(url + "/session")
	b.waitTitle("Your session")
	anonymous, err := b.eval("document.getElementById('fingerprint').innerText")
	if err != nil {
		t.Fatal(err)
	}

	b.open(url + "/signin")
	b.waitTitle("Sign in")
	b.enter("name", "demo")
	b.enter("password", "wrong")
	b.click("signin")
	b.wait("document.getElementById('problem').innerText", "The name or the password is wrong.")
	b.enter("password", "demo")
	b.click("keep")
	b.click("signin")
	b.waitTitle("Your cart")
	b.wait("document.getElementById('total').innerText", "€50.80")
	b.wait("document.getElementById('user').innerText", "demo")

	stop()
	if err := b.tryCall("Page.navigate", object{"url": url + "/cart"}, nil); err != nil {
		t.Fatal(err)
	}
	b.wait("document.getElementById('total') === null", "true") // nobody answers
	_, _ = startShop(t, strings.TrimPrefix(url, "http://"), dsn)

	b.open(url + "/session")
	b.waitTitle("Your session")
	b.wait("document.getElementById('cookie').innerText", "kept until the session expires")
	b.wait(fmt.Sprintf("document.getElementById('fingerprint').innerText != %q", anonymous), "true")
	b.open(url + "/cart")
	b.waitTitle("Your cart")
	b.wait("document.getElementById('total').innerText", "€50.80")
	b.click("order")
	b.waitTitle("Your orders")
	b.wait("document.querySelector('.orders h2').innerText.startsWith('Order 1')", "true")

	b.signOut(url)
}

// signOut signs out and makes sure that nothing of the session is left.
func (b *browser) signOut(url string) {
	b.t.Helper()
	b.click("signout")
	b.waitTitle("Paper and ink")
	b.wait("document.querySelector('[role=status]').innerText", "Goodbye, demo. You are signed out.")
	b.open(url + "/session")
	b.wait("document.querySelector('.lead').innerText.startsWith('You have none.')", "true")
	var cookies struct{ Cookies []object }
	b.call("Network.getCookies", object{"urls": []string{url}}, &cookies)
	if len(cookies.Cookies) > 0 {
		b.t.Errorf("after sign-out the browser still has %v", cookies.Cookies)
	}
}

// The same on each engine, shorter, in one browser.
func TestBrowserOnEachEngine(t *testing.T) {
	b := startBrowser(t)
	forEachEngine(t, func(t *testing.T, f engineFlags) {
		outer := b.t
		b.t = t
		defer func() { b.t = outer }()
		url, _ := startShop(t, "127.0.0.1:0", newSQLite(t), "-engine", f.name, "-dir", f.dir, "-cache", f.cache)

		b.open(url)
		b.waitTitle("Paper and ink")
		b.click("add-ink")
		b.wait("document.querySelector('[role=status]').innerText", "Bottled ink: added to your cart.")
		b.open(url + "/signin")
		b.waitTitle("Sign in")
		b.enter("name", "demo")
		b.enter("password", "demo")
		b.click("signin")
		b.waitTitle("Your cart")
		b.wait("document.getElementById('total').innerText", "€11.80")
		b.open(url + "/session")
		b.wait("document.getElementById('engine').innerText", f.name)
		b.open(url + "/cart")
		b.click("order")
		b.waitTitle("Your orders")
		b.wait("document.querySelector('.orders h2').innerText.startsWith('Order 1')", "true")
		b.signOut(url)
	})
}
