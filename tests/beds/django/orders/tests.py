from django.test import SimpleTestCase


class Orders(SimpleTestCase):
    def test_an_order_is_read(self):
        self.assertEqual(self.client.get("/orders/3").json()["total"], 30)

    def test_an_unknown_order_is_404(self):
        self.assertEqual(self.client.get("/orders/101").status_code, 404)
