import { Injectable, NotFoundException } from '@nestjs/common';

export interface Order {
  id: number;
  total: number;
}

@Injectable()
export class OrdersService {
  private readonly orders = new Map<number, Order>([[1, { id: 1, total: 20 }]]);

  find(id: number): Order {
    const order = this.orders.get(id);
    if (!order) {
      throw new NotFoundException('no such order');
    }
    return order;
  }

  discounted(price: number, percent: number): number {
    return price * (100 - percent) / 100;
  }
}
