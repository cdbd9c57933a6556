package main

import (
	"errors"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/messages"
)

// An order is a cart that was bought.
type order struct {
	ID        uint
	Customer  string `gorm:"size:100;index"`
	Items     cart   `gorm:"serializer:json"`
	Total     int    // cents, at the prices of the day
	CreatedAt time.Time
}

// Lines lists what was ordered.
func (o order) Lines() []line { return o.Items.lines() }

// takeCart takes the cart out of the session with Claim: after a double click only one of the two
// requests gets it, so nothing is ordered twice.
func takeCart(session *ginsession.Session) (cart, error) {
	items, _, err := ginsession.Claim[cart](session, cartKey)
	if errors.Is(err, errors.ErrUnsupported) {
		// Signed cookies: both requests carry the cart, and both get it. A real shop would put a
		// number into the form and require that it is unique among the orders.
		items, _ = ginsession.Value[cart](session, cartKey)
		session.Pop(cartKey)
		return items, nil
	}
	return items, err
}

func (s *shop) placeOrder(c *gin.Context) {
	session := ginsession.Get(c)
	items, err := takeCart(session)
	if err != nil {
		s.sessionFailed(c, err)
		return
	}
	if items.count() == 0 {
		seeOther(c, "/orders")
		return
	}
	bought := order{Customer: session.Owner(), Items: items, Total: items.total()}
	if err := s.db.WithContext(c.Request.Context()).Create(&bought).Error; err != nil {
		session.Set(cartKey, items)
		notify(c, messages.Error, "Your order could not be placed. Your cart is still here: please try again.")
		seeOther(c, "/cart")
		return
	}
	notify(c, messages.Success, "Thank you! Order %d is on its way (well, it would be: this is a demo).", bought.ID)
	seeOther(c, "/orders")
}

func (s *shop) showOrders(c *gin.Context) {
	var orders []order
	err := s.db.WithContext(c.Request.Context()).Where("customer = ?", ginsession.Get(c).Owner()).Order("id DESC").Limit(20).Find(&orders).Error
	if err != nil {
		s.refuse(c, http.StatusServiceUnavailable, "Back in a moment", "We cannot reach your orders at the moment. Please try again in a few seconds.")
		return
	}
	s.render(c, http.StatusOK, "orders", "Your orders", orders)
}
