import { serve } from "./express-app.mjs";
import { createReceiver } from "./receiver.mjs";

serve(createReceiver());
