package main

import "testing"

// A customer signs in with two browsers. What the one ends, the other sees at its next click.
func TestTwoBrowsers(t *testing.T) {
	own, other := startBrowser(t), startBrowser(t)
	url := openForBrowser(t).url
	own.signIn(url, "ada", "lovelace")
	other.signIn(url, "ada", "lovelace")

	own.clickOn("footer a[href='/devices']")
	own.waitTitle("Your devices")
	own.wait("document.querySelectorAll('.devices li').length", "2")
	own.wait("document.querySelector('.devices .this h2').innerText", "Chrome on Linux this one")
	own.clickOn(".devices li:not(.this) button")
	own.waitMessage("Signed out there: Chrome on Linux.")
	own.wait("document.querySelectorAll('.devices li').length", "1")
	other.wantSignedOutByClick()

	other.signIn(url, "ada", "lovelace")
	own.open(url + "/devices")
	own.click("end-others")
	own.waitMessage("Signed out everywhere else.")
	other.wantSignedOutByClick()

	other.signIn(url, "ada", "lovelace")
	own.clickOn("footer a[href='/password']")
	own.waitTitle("New password")
	own.enter("new", "analytical engine")
	own.enter("again", "analytical engine")
	own.click("change")
	own.waitMessage("Your password is changed, and you are signed out everywhere else.")
	other.wantSignedOutByClick()
	other.enter("name", "ada")
	other.enter("password", "lovelace")
	other.click("signin")
	other.wait("document.getElementById('problem').innerText", "The name or the password is wrong.")
	other.signIn(url, "ada", "analytical engine")
	own.clickOn("nav a[href='/orders']")
	own.waitTitle("Your orders")
}

// signIn signs in and waits for the greeting.
func (b *browser) signIn(url, name, password string) {
	b.t.Helper()
	b.open(url + "/signin")
	b.waitTitle("Sign in")
	b.enter("name", name)
	b.enter("password", password)
	b.click("signin")
	b.waitMessage("Welcome, " + name + ".")
}

func (b *browser) waitMessage(want string) {
	b.t.Helper()
	b.wait("document.readyState == 'complete' && document.querySelector('.message').innerText", want)
}

// wantSignedOutByClick clicks on the page that a signed-in customer still looks at.
func (b *browser) wantSignedOutByClick() {
	b.t.Helper()
	b.clickOn("nav a[href='/orders']")
	b.waitTitle("Sign in")
	b.waitMessage("Please sign in first.")
	b.wait("document.getElementById('user') === null && document.getElementById('signout') === null", "true")
}
