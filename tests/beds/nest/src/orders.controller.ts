import { Controller, Get, Param, ParseIntPipe } from '@nestjs/common';
import { OrdersService, type Order } from './orders.service.js';

@Controller('orders')
export class OrdersController {
  constructor(private readonly orders: OrdersService) {}

  @Get(':id')
  find(@Param('id', ParseIntPipe) id: number): Order {
    return this.orders.find(id);
  }
}
