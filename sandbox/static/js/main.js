// Starts the page.

import { startDropping } from "./composer.js";
import { startHome } from "./home.js";
import { startModals } from "./modal.js";
import { startPanel } from "./panel.js";
import { goTo, showPlace, startPlace } from "./place.js";
import { startSidebar } from "./sidebar.js";
import { listen, store } from "./store.js";
import { startThread } from "./thread.js";

startSidebar();
startPlace();
startHome();
startThread();
startModals();
startPanel();
startDropping();
await listen();
showPlace();
if (location.hash === "#home") goTo("app", "home");
if (location.hash === "#app") goTo("app", "messages");
document.documentElement.dataset.ready = store.me;
