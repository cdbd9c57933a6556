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
	"github.com/ginsession/ginsession/messages"
)

// openForBrowser serves a shop over plain HTTP: a browser does not trust the certificate of the
// other tests. /test/fill gives the visitor a cart with the longest prices a page may have to show,
// and demo has an order like it.
func openForBrowser(t *testing.T) (url string) {
	t.Helper()
	db := openTestDatabase(t, newSQLite(t))
	engine, err := openEngine(db, engineFlags{name: "db"})
	if err != nil {
		t.Fatal(err)
	}
	shop, err := newShop(db, engine, false, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	full := cart{}
	for _, p := range products {
		full[p.ID] = 1
	}
	full["pen"] = 99 // the dearest
	if err := db.Create(&order{Customer: "demo", Items: full, Total: full.total()}).Error; err != nil {
		t.Fatal(err)
	}
	shop.GET("/test/fill", shop.sessions.Handler(), func(c *gin.Context) {
		ginsession.Get(c).Set(cartKey, full)
		notify(c, messages.Success, "Fountain pen: added to your cart.")
		seeOther(c, "/cart")
	})
	server := httptest.NewServer(shop)
	t.Cleanup(server.Close)
	return server.URL
}

// resize sets the width of the screen in CSS pixels; below 640 it is a phone's.
func (b *browser) resize(width int) {
	b.t.Helper()
	b.call("Emulation.setDeviceMetricsOverride", object{"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 640}, nil)
}

// misplaced lists the elements that extend past the right edge of their parent or of the screen,
// and the links and buttons whose text is broken into lines. It leaves out what only a screen
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
	for (const e of document.querySelectorAll('nav a, button, .button')) {
		const words = document.createRange()
		words.selectNodeContents(e)
		const tops = [...words.getClientRects()].filter(r => r.width > 1)
		if (tops.some(r => r.top >= tops[0].bottom)) found.push(name(e) + ' is broken into lines')
	}
	return found.join('\n')
})()`

// wantInPlace fails the test if anything on the page, width CSS pixels wide, is misplaced. If
// SHOP_SCREENSHOTS names a folder, a picture of each page is written there.
func (b *browser) wantInPlace(width int, page string) {
	b.t.Helper()
	found, err := b.eval(fmt.Sprintf(misplaced, width))
	if err != nil || found != "" {
		b.t.Errorf("%s, %d px wide: %v\n%s", page, width, err, found)
	}
	if folder := os.Getenv("SHOP_SCREENSHOTS"); folder != "" {
		for _, scheme := range []string{"light", "dark"} {
			b.screenshot(scheme, filepath.Join(folder, fmt.Sprintf("%s-%d-%s.png", page, width, scheme)))
		}
	}
}

// screenshot writes a picture of the whole page in a color scheme, light or dark.
func (b *browser) screenshot(scheme, file string) {
	b.t.Helper()
	b.call("Emulation.setEmulatedMedia", object{"features": []object{{"name": "prefers-color-scheme", "value": scheme}}}, nil)
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

// Nothing is cut off on a small phone, even with the longest prices, signed in or not.
func TestPhone(t *testing.T) {
	b := startBrowser(t)
	url := openForBrowser(t)
	widths := []int{320, 375, 1280}
	look := func(path, title, page string) {
		t.Helper()
		for _, width := range widths {
			b.resize(width)
			b.open(url + path)
			b.waitTitle(title)
			b.wantInPlace(width, page)
		}
	}

	look("/test/fill", "Your cart", "filled")
	look("/cart", "Your cart", "cart")
	look("/", "Paper and ink", "products")
	look("/session", "Your session", "session")
	look("/nowhere", "No such page", "missing")
	look("/signin", "Sign in", "signin")
	b.enter("name", "demo")
	b.enter("password", "demo")
	b.click("signin")
	b.waitTitle("Your cart")
	look("/cart", "Your cart", "cart-signedin")
	look("/", "Paper and ink", "products-signedin")
	look("/session", "Your session", "session-signedin")
	look("/orders", "Your orders", "orders")
}
