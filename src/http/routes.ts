/** Every route there is. */
import { COMMAND_ROUTES } from './command-routes.ts';
import { EVENT_ROUTES } from './event-routes.ts';
import { EXEC_ROUTES } from './exec-routes.ts';
import { METRICS_ROUTE } from './metrics.ts';
import { openApiRoute } from './openapi.ts';
import { OUTPUT_ROUTES } from './output-routes.ts';
import { HEALTH_ROUTES, VIEW_ROUTES } from './view-routes.ts';
import type { Route } from './route.ts';

export const ROUTES: readonly Route[] = [
  ...VIEW_ROUTES,
  ...COMMAND_ROUTES,
  ...EVENT_ROUTES,
  ...EXEC_ROUTES,
  ...OUTPUT_ROUTES,
  ...HEALTH_ROUTES,
  METRICS_ROUTE,
  openApiRoute(() => ROUTES),
];
