import{p as a,q as b}from"./chunk-Y353F4SQ.js";import"./chunk-WCMRQFC4.js";import"./chunk-73IDQYZD.js";export{b as ConversationList,a as ListOfLinks};
