package main

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/messages"
)

// A cart maps a product's ID to its quantity.
type cart map[string]int

// maxQuantity is the limit for each product in a cart.
const maxQuantity = 20

// changed adds by to the quantity of a product, between 0 and maxQuantity. It changes ct, or returns
// a new cart if ct is nil.
func (ct cart) changed(id string, by int) cart {
	if ct == nil {
		ct = cart{}
	}
	ct[id] = min(ct[id]+by, maxQuantity)
	if ct[id] <= 0 {
		delete(ct, id)
	}
	return ct
}

func (ct cart) count() int {
	n := 0
	for _, quantity := range ct {
		n += quantity
	}
	return n
}

// A line is one product of a cart.
type line struct {
	product
	Quantity int
}

func (l line) Total() int { return l.Price * l.Quantity }

// lines lists the cart in the order of the products.
func (ct cart) lines() []line {
	var lines []line
	for _, p := range products {
		if n := ct[p.ID]; n > 0 {
			lines = append(lines, line{p, n})
		}
	}
	return lines
}

func (ct cart) total() int {
	sum := 0
	for _, l := range ct.lines() {
		sum += l.Total()
	}
	return sum
}

// modifyCart applies change to the cart with Modify: if two tabs change the cart at once, neither
// change is lost.
func modifyCart(session *ginsession.Session, change func(cart) cart) error {
	_, err := ginsession.Modify(session, cartKey, func(old cart, _ bool) cart { return change(old) })
	if errors.Is(err, errors.ErrUnsupported) {
		// Signed cookies: each tab sends its own copy of the cart and the server has none, so the
		// later response wins.
		old, _ := ginsession.Value[cart](session, cartKey)
		session.Set(cartKey, change(old))
		return nil
	}
	return err
}

// changeCart adds to the cart, or takes from it, and redirects to next.
func (s *shop) changeCart(next string) gin.HandlerFunc {
	return func(c *gin.Context) {
		p, ok := productByID(c.PostForm("product"))
		by, err := strconv.Atoi(c.DefaultPostForm("change", "1"))
		if !ok || err != nil || by < -maxQuantity || by > maxQuantity {
			s.refuse(c, http.StatusBadRequest, "No such product", "We do not have this product, or not any more.")
			return
		}
		session := ginsession.Get(c)
		isNew := session.Key() == ""
		s.begin(session)
		err = modifyCart(session, func(old cart) cart { return old.changed(p.ID, by) })
		if err != nil {
			s.sessionFailed(c, err)
			return
		}
		page := next
		if by > 0 {
			notify(c, messages.Success, "%s: added to your cart.", p.Name)
			if isNew {
				page += "?added=" + p.ID // for cookieProblem
			}
		}
		seeOther(c, page)
	}
}

// cookieProblem returns what to tell a visitor whose browser does not keep the session's cookie, and
// so no cart; otherwise "". The address says what was added: a message in the session is lost
// together with the cookie.
func cookieProblem(c *gin.Context) string {
	p, ok := productByID(c.Query("added"))
	if !ok || ginsession.Get(c).Key() != "" {
		return ""
	}
	return fmt.Sprintf("Your browser did not keep our cookie, so %s is not in your cart. Allow cookies for this site, then add it again.", p.Name)
}

func (s *shop) showCart(c *gin.Context) {
	items, _ := ginsession.Value[cart](ginsession.Get(c), cartKey)
	s.render(c, http.StatusOK, "cart", "Your cart", gin.H{"Lines": items.lines(), "Total": items.total(), "Max": maxQuantity})
}
