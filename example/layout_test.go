package main

import (
	"encoding/base64"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/internal/testsite"
	"github.com/ginsession/ginsession/messages"
)

// A browserSite is a shop over plain HTTP: a browser does not trust the certificate of the other
// tests. demo has an order with the longest prices that a page may have to show.
type browserSite struct {
	*shop
	url   string
	clock *testsite.Clock
	full  cart // the cart of the order
}

func openForBrowser(t *testing.T) *browserSite {
	t.Helper()
	db := openTestDatabase(t, newSQLite(t))
	engine, err := openEngine(db, engineFlags{name: "db"})
	if err != nil {
		t.Fatal(err)
	}
	s := &browserSite{clock: testsite.NewClock(), full: cart{}}
	if s.shop, err = newShop(db, engine, testOptions(false, s.clock.Now)); err != nil {
		t.Fatal(err)
	}
	for _, p := range products {
		s.full[p.ID] = 1
	}
	s.full["pen"] = 99 // the dearest
	if err := db.Create(&order{Customer: "demo", Items: s.full, Total: s.full.total()}).Error; err != nil {
		t.Fatal(err)
	}
	visitors := s.Group("/test", s.sessions.Handler())
	visitors.GET("/cart", s.fillCart)
	visitors.GET("/messages", s.showMessages)
	visitors.GET("/devices", s.signInElsewhere)
	visitors.GET("/unavailable", func(c *gin.Context) { s.sessionFailed(c, ginsession.ErrUnavailable) })
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

func (s *browserSite) fillCart(c *gin.Context) {
	ginsession.Get(c).Set(cartKey, s.full)
	notify(c, messages.Success, "Fountain pen: added to your cart.")
	seeOther(c, "/cart")
}

func (s *browserSite) showMessages(c *gin.Context) {
	for _, level := range []messages.Level{messages.Info, messages.Success, messages.Warning, messages.Error} {
		notify(c, level, "This is a message of the level %s, which is longer than a phone is wide.", level)
	}
	seeOther(c, "/orders")
}

// signInElsewhere signs demo in with other browsers, if that has not been done.
func (s *browserSite) signInElsewhere(c *gin.Context) {
	sessions, _ := s.sessions.SessionsOf(c, "demo")
	for i := len(sessions); i < 3; i++ {
		elsewhere := s.sessions.Open(c, "")
		_ = elsewhere.SignIn("demo")
		elsewhere.Set(browserKey, "Firefox on Android")
		elsewhere.Set(placeKey, "2001:db8:4f3a:9c1e:77d0:2b6a:e5f8:1c34")
		elsewhere.Set(activeKey, s.now().Add(-50*time.Hour))
		_ = elsewhere.Save()
	}
	seeOther(c, "/devices")
}

// resize sets the width of the screen in CSS pixels; below 640 it is a phone's.
func (b *browser) resize(width int) {
	b.t.Helper()
	b.call("Emulation.setDeviceMetricsOverride", object{"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 640}, nil)
}

// misplaced lists the elements that extend past the right edge of their parent or of the screen,
// and the links, buttons and badges whose text is broken into lines. It leaves out what only a screen
// reader finds.
const misplaced = `(() => {
	const name = e => e.tagName.toLowerCase() + (e.id && '#' + e.id) + (e.className && '.' + e.className)
	const found = []
	if (document.documentElement.scrollWidth > %[1]d) found.push('the page scrolls sideways')
	for (const e of document.body.querySelectorAll('*')) {
		if (e.closest('.hidden, .skip')) continue
		const edge = e.getBoundingClientRect(), around = e.parentElement.getBoundingClientRect()
		if (edge.right > Math.min(around.right, %[1]d) + .5) found.push(name(e) + ' ends at ' + edge.right + ', ' + name(e.parentElement) + ' at ' + around.right)
	}
	for (const e of document.querySelectorAll('nav a, button, .button, .badge')) {
		const words = document.createRange()
		words.selectNodeContents(e)
		const tops = [...words.getClientRects()].filter(r => r.width > 1)
		if (tops.some(r => r.top >= tops[0].bottom)) found.push(name(e) + ' is broken into lines')
	}
	return found.join('\n')
})()`

// pale lists the texts whose contrast with what is behind them is less than WCAG 2.2 asks for at level AA (1.4.3).
const pale = `(() => {
	const numbers = color => color.match(/[\d.]+/g).map(Number)
	const luminance = color => {
		const [r, g, b] = numbers(color).map(v => v / 255).map(v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
		return .2126 * r + .7152 * g + .0722 * b
	}
	const behind = e => {
		for (; e; e = e.parentElement) {
			const color = getComputedStyle(e).backgroundColor
			if (numbers(color)[3] !== 0) return color
		}
		return 'rgb(255, 255, 255)'
	}
	const found = []
	for (const e of document.body.querySelectorAll('*')) {
		if (e.closest('.hidden, .skip, :disabled') || ![...e.childNodes].some(n => n.nodeType == 3 && n.data.trim())) continue
		const style = getComputedStyle(e), size = parseFloat(style.fontSize)
		const [low, high] = [luminance(style.color), luminance(behind(e))].sort((a, b) => a - b)
		const contrast = (high + .05) / (low + .05)
		if (contrast < (size >= 24 || size >= 18.66 && style.fontWeight >= 700 ? 3 : 4.5)) found.push('"' + e.innerText + '" has a contrast of ' + contrast.toFixed(2))
	}
	return found.join('\n')
})()`

// look looks at the page that the browser shows, at each width and in both color schemes, and fails the
// test if anything is misplaced or pale. If SHOP_SCREENSHOTS names a folder, pictures are written there.
func (b *browser) look(page string) {
	b.t.Helper()
	for _, width := range []int{320, 375, 1280} {
		b.resize(width)
		b.wantNone(fmt.Sprintf("%s, %d px wide", page, width), fmt.Sprintf(misplaced, width))
		for _, scheme := range []string{"light", "dark"} {
			b.call("Emulation.setEmulatedMedia", object{"features": []object{{"name": "prefers-color-scheme", "value": scheme}}}, nil)
			b.wantNone(fmt.Sprintf("%s, %s", page, scheme), pale)
			if folder := os.Getenv("SHOP_SCREENSHOTS"); folder != "" {
				b.screenshot(filepath.Join(folder, fmt.Sprintf("%s-%d-%s.png", page, width, scheme)))
			}
		}
	}
}

// wantNone fails the test if the script finds anything.
func (b *browser) wantNone(where, script string) {
	b.t.Helper()
	if found, err := b.eval(script); err != nil || found != "" {
		b.t.Errorf("%s: %v\n%s", where, err, found)
	}
}

// screenshot writes a picture of the whole page.
func (b *browser) screenshot(file string) {
	b.t.Helper()
	var answer struct{ Data string }
	b.call("Page.captureScreenshot", object{"captureBeyondViewport": true}, &answer)
	picture, err := base64.StdEncoding.DecodeString(answer.Data)
	if err == nil {
		err = os.WriteFile(file, picture, 0o644)
	}
	if err != nil {
		b.t.Error(err)
	}
}

// Nothing is cut off on a small phone, even with the longest prices, and everything can be read in the light and
// in the dark, signed in or not.
func TestLayout(t *testing.T) {
	b := startBrowser(t)
	site := openForBrowser(t)
	look := func(path, title, page string) {
		t.Helper()
		b.open(site.url + path)
		b.waitTitle(title)
		b.look(page)
	}
	lookAfter := func(click, appears, page string) {
		t.Helper()
		b.click(click)
		b.wait(fmt.Sprintf("document.readyState == 'complete' && document.querySelector(%q) != null", appears), "true")
		b.look(page)
	}

	look("/", "Paper and ink", "products")
	look("/cart", "Your cart", "cart-empty")
	look("/session", "Your session", "session-none")
	look("/test/cart", "Your cart", "cart")
	look("/session", "Your session", "session")
	look("/nowhere", "No such page", "missing")
	look("/test/unavailable", "Back in a moment", "unavailable")
	look("/orders", "Sign in", "signin")
	b.enter("name", "demo")
	b.enter("password", "wrong")
	lookAfter("signin", "#problem", "signin-wrong")
	b.enter("password", "demo")
	lookAfter("signin", "#order", "cart-signedin")
	look("/", "Paper and ink", "products-signedin")
	look("/session", "Your session", "session-signedin")
	look("/orders", "Your orders", "orders")
	look("/test/messages", "Your orders", "messages")
	look("/devices", "Your devices", "device")
	look("/test/devices", "Your devices", "devices")
	look("/password", "New password", "password")
	b.enter("new", "analytical engine")
	b.enter("again", "analytical engines")
	lookAfter("change", "#problem", "password-wrong")
	site.clock.Advance(time.Hour)
	look("/password", "Is it you?", "confirm")
	lookAfter("signout", ".message", "signedout")
}
